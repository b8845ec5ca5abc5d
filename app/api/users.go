package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp/convert"
)

const loginAbout = `Only wrong passwords count: 5 of one account from one address, then one a minute; 100 of one account an hour, wherever they come from, but not where its user has logged in lately; 20 from one address, then one every 3 s. Who has to wait gets 429 with Retry-After, with the right password too. Addresses of IPv6 count by their /64.`

func (a *API) users() []Endpoint {
	return []Endpoint{
		open(a, http.MethodPost, base+"/users/login", "Log in; also sets a cookie, which does instead of the header on pages of the same origin", a.login,
			alsoFails(http.StatusUnauthorized), explained(loginAbout)),
		onAccount(a, http.MethodPost, "/users/logout", service.ScopeLogin, "End this token", a.logout, status(http.StatusNoContent)),
		onAccount(a, http.MethodGet, "/users/me", "users:self", "Own profile", a.me),
		onAccount(a, http.MethodPut, "/users/me", service.ScopeLogin, "Change own profile; another email needs currentPassword", a.changeMe, alsoFails(http.StatusConflict)),
		onAccount(a, http.MethodPut, "/users/me/password", service.ScopeLogin, "Change own password; ends all other tokens", a.changeMyPassword, status(http.StatusNoContent)),
		onAdmin(a, http.MethodGet, "/users", "users:read", "List users", a.listUsers),
		onAdmin(a, http.MethodPost, "/users", service.ScopeLogin, "Create a user", a.createUser, status(http.StatusCreated), alsoFails(http.StatusConflict)),
		onAdmin(a, http.MethodGet, "/users/{id}", "users:read", "One user", a.getUser),
		onAdmin(a, http.MethodPut, "/users/{id}", service.ScopeLogin, "Change a user", a.changeUser, alsoFails(http.StatusConflict)),
		onAdmin(a, http.MethodDelete, "/users/{id}", service.ScopeLogin, "Delete a user; his sessions stay with the admins", a.deleteUser, status(http.StatusNoContent), alsoFails(http.StatusConflict)),
		onAdmin(a, http.MethodPut, "/users/{id}/password", service.ScopeLogin, "Set a user's password; ends his tokens", a.setPassword, status(http.StatusNoContent)),
	}
}

type loginIn struct {
	Body struct {
		Email    string `json:"email" maxLength:"254" minLength:"1"`
		Password string `json:"password" minLength:"1" maxLength:"4096"`
	}
}

// Login is the answer to a login.
type Login struct {
	Token     string       `json:"token"`
	ExpiresAt convert.Time `json:"expiresAt"`
	User      User         `json:"user"`
}

// loginOut is the answer with the cookie for browsers.
type loginOut struct {
	Cookie string `header:"Set-Cookie"`
	Body   Login
}

func (a *API) login(ctx context.Context, in *loginIn) (*loginOut, error) {
	g, err := a.Login.Do(ctx, in.Body.Email, in.Body.Password, addressOf(ctx))
	if errors.Is(err, service.ErrWrongLogin) {
		made(ctx, hashed(in.Body.Email))
	}
	if err != nil {
		return nil, err
	}
	requestFacts(ctx).user = g.User.ID
	return &loginOut{
		Cookie: tokenCookie(g.Token, g.ExpiresAt, peerOf(ctx).secure),
		Body:   Login{Token: g.Token, ExpiresAt: convert.Time(g.ExpiresAt), User: userShape(g.User)},
	}, nil
}

// logoutOut takes the cookie away.
type logoutOut struct {
	Cookie string `header:"Set-Cookie"`
}

func (a *API) logout(ctx context.Context, who service.Caller, _ *struct{}) (*logoutOut, error) {
	return &logoutOut{Cookie: tokenCookie("", time.Time{}, peerOf(ctx).secure)}, a.Tokens.Revoke(ctx, who)
}

func (a *API) me(ctx context.Context, who service.Caller, _ *struct{}) (*body[User], error) {
	u, err := a.Store.Users().Get(ctx, who.User.ID)
	if err != nil {
		return nil, err
	}
	return reply(userShape(u)), nil
}

type changeMeIn struct {
	Body struct {
		Email *string `json:"email,omitempty" format:"email" minLength:"3" maxLength:"254"`
		Name  *Name   `json:"name,omitempty"`

		CurrentPassword *string `json:"currentPassword,omitempty" maxLength:"4096" doc:"Needed to change the email"`
	}
}

func (a *API) changeMe(ctx context.Context, who service.Caller, in *changeMeIn) (*body[User], error) {
	u, err := a.Accounts.ChangeOwn(ctx, who, service.UserChange{Email: in.Body.Email, Name: (*string)(in.Body.Name)}, in.Body.CurrentPassword)
	if err != nil {
		return nil, err
	}
	return reply(userShape(u)), nil
}

type changeMyPasswordIn struct {
	Body struct {
		CurrentPassword string `json:"currentPassword" maxLength:"4096"`
		Password        string `json:"password" minLength:"10" maxLength:"1024" doc:"The new one"`
	}
}

func (a *API) changeMyPassword(ctx context.Context, who service.Caller, in *changeMyPasswordIn) (*nothing, error) {
	return nil, a.Accounts.ChangeOwnPassword(ctx, who, in.Body.CurrentPassword, in.Body.Password)
}

type listUsersIn struct{ Paging }

func (a *API) listUsers(ctx context.Context, _ service.Caller, in *listUsersIn) (*body[List[User]], error) {
	users, next, err := a.Store.Users().List(ctx, in.page())
	if err != nil {
		return nil, err
	}
	return reply(listOf(users, next, userShape)), nil
}

type createUserIn struct {
	Body struct {
		Email    string `json:"email" format:"email" minLength:"3" maxLength:"254"`
		Name     Name   `json:"name"`
		Password string `json:"password" minLength:"10" maxLength:"1024"`
		Role     string `json:"role,omitempty" enum:"admin,user" default:"user"`
		Active   *bool  `json:"active,omitempty" doc:"true unless given"`
	}
}

func (a *API) createUser(ctx context.Context, _ service.Caller, in *createUserIn) (*body[User], error) {
	b := in.Body
	u, err := a.Accounts.Create(ctx, service.NewUser{Email: b.Email, Name: string(b.Name), Password: b.Password, Role: b.Role, Inactive: b.Active != nil && !*b.Active})
	if err != nil {
		return nil, err
	}
	made(ctx, u.ID)
	return reply(userShape(u)), nil
}

// UserPath is the part of an input that names a user.
type UserPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the user"`
}

type userIn struct{ UserPath }

func (a *API) getUser(ctx context.Context, _ service.Caller, in *userIn) (*body[User], error) {
	u, err := a.Store.Users().Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(userShape(u)), nil
}

type changeUserIn struct {
	UserPath
	Body struct {
		Email  *string `json:"email,omitempty" format:"email" minLength:"3" maxLength:"254"`
		Name   *Name   `json:"name,omitempty"`
		Role   *string `json:"role,omitempty" enum:"admin,user"`
		Active *bool   `json:"active,omitempty"`
	}
}

func (a *API) changeUser(ctx context.Context, _ service.Caller, in *changeUserIn) (*body[User], error) {
	b := in.Body
	u, err := a.Accounts.Change(ctx, in.ID, service.UserChange{Email: b.Email, Name: (*string)(b.Name), Role: b.Role, Active: b.Active})
	if err != nil {
		return nil, err
	}
	return reply(userShape(u)), nil
}

func (a *API) deleteUser(ctx context.Context, _ service.Caller, in *userIn) (*nothing, error) {
	return nil, a.Accounts.Delete(ctx, in.ID)
}

type setPasswordIn struct {
	UserPath
	Body struct {
		Password string `json:"password" minLength:"10" maxLength:"1024"`
	}
}

func (a *API) setPassword(ctx context.Context, who service.Caller, in *setPasswordIn) (*nothing, error) {
	except := ""
	if in.ID == who.User.ID {
		except = who.TokenID
	}
	return nil, a.Accounts.SetPassword(ctx, in.ID, in.Body.Password, except)
}
