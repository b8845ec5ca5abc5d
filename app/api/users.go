package api

import (
	"context"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp/convert"
)

func (a *API) users() []Endpoint {
	return []Endpoint{
		open(a, http.MethodPost, base+"/users/login", "Log in", a.login, alsoFails(http.StatusUnauthorized), a.withAddress),
		onAccount(a, http.MethodGet, "/users/me", "users:self", "Own profile", a.me),
		onAccount(a, http.MethodPut, "/users/me", "users:self", "Change own profile", a.changeMe, alsoFails(http.StatusConflict)),
		onAccount(a, http.MethodPut, "/users/me/password", "users:self", "Change own password; ends all other tokens", a.changeMyPassword, status(http.StatusNoContent)),
		onAdmin(a, http.MethodGet, "/users", "users:read", "List users", a.listUsers),
		onAdmin(a, http.MethodPost, "/users", "users:write", "Create a user", a.createUser, status(http.StatusCreated), alsoFails(http.StatusConflict)),
		onAdmin(a, http.MethodGet, "/users/{id}", "users:read", "One user", a.getUser),
		onAdmin(a, http.MethodPut, "/users/{id}", "users:write", "Change a user", a.changeUser, alsoFails(http.StatusConflict)),
		onAdmin(a, http.MethodDelete, "/users/{id}", "users:write", "Delete a user; his sessions stay with the admins", a.deleteUser, status(http.StatusNoContent), alsoFails(http.StatusConflict)),
		onAdmin(a, http.MethodPut, "/users/{id}/password", "users:write", "Set a user's password; ends his tokens", a.setPassword, status(http.StatusNoContent)),
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

type addressKey struct{}

// withAddress lets a login know where it comes from. Headers that proxies set are not
// believed, since anybody can send them.
func (a *API) withAddress(op *huma.Operation) {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		host, _, err := net.SplitHostPort(ctx.RemoteAddr())
		if err != nil {
			host = ctx.RemoteAddr()
		}
		next(huma.WithValue(ctx, addressKey{}, host))
	})
}

func (a *API) login(ctx context.Context, in *loginIn) (*body[Login], error) {
	address, _ := ctx.Value(addressKey{}).(string)
	g, err := a.Login.Do(ctx, in.Body.Email, in.Body.Password, address)
	if err != nil {
		return nil, err
	}
	return reply(Login{Token: g.Token, ExpiresAt: convert.Time(g.ExpiresAt), User: userShape(g.User)}), nil
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
		Email *string `json:"email,omitempty" maxLength:"254"`
		Name  *string `json:"name,omitempty" maxLength:"200"`
	}
}

func (a *API) changeMe(ctx context.Context, who service.Caller, in *changeMeIn) (*body[User], error) {
	u, err := a.Accounts.Change(ctx, who.User.ID, service.UserChange{Email: in.Body.Email, Name: in.Body.Name})
	if err != nil {
		return nil, err
	}
	return reply(userShape(u)), nil
}

type changeMyPasswordIn struct {
	Body struct {
		CurrentPassword string `json:"currentPassword" maxLength:"4096"`
		Password        string `json:"password" maxLength:"4096" doc:"The new one, 10 characters or more"`
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
		Email    string `json:"email" maxLength:"254"`
		Name     string `json:"name" maxLength:"200"`
		Password string `json:"password" maxLength:"4096" doc:"10 characters or more"`
		Role     string `json:"role,omitempty" enum:"admin,user" default:"user"`
		Active   *bool  `json:"active,omitempty" doc:"true unless given"`
	}
}

func (a *API) createUser(ctx context.Context, _ service.Caller, in *createUserIn) (*body[User], error) {
	b := in.Body
	u, err := a.Accounts.Create(ctx, service.NewUser{Email: b.Email, Name: b.Name, Password: b.Password, Role: b.Role, Inactive: b.Active != nil && !*b.Active})
	if err != nil {
		return nil, err
	}
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
		Email  *string `json:"email,omitempty" maxLength:"254"`
		Name   *string `json:"name,omitempty" maxLength:"200"`
		Role   *string `json:"role,omitempty" enum:"admin,user"`
		Active *bool   `json:"active,omitempty"`
	}
}

func (a *API) changeUser(ctx context.Context, _ service.Caller, in *changeUserIn) (*body[User], error) {
	b := in.Body
	u, err := a.Accounts.Change(ctx, in.ID, service.UserChange{Email: b.Email, Name: b.Name, Role: b.Role, Active: b.Active})
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
		Password string `json:"password" maxLength:"4096" doc:"10 characters or more"`
	}
}

func (a *API) setPassword(ctx context.Context, who service.Caller, in *setPasswordIn) (*nothing, error) {
	except := ""
	if in.ID == who.User.ID {
		except = who.TokenID
	}
	return nil, a.Accounts.SetPassword(ctx, in.ID, in.Body.Password, except)
}
