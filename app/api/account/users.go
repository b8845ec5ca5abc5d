package account

import (
	"context"
	"net/http"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Users are who may use this server.
type Users struct {
	Store    store.Store
	Accounts *account.Accounts
}

// Endpoints are the rows of users.
func (us Users) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnAccount(http.MethodGet, "/users/me", "getMe", "users:self", "Own profile", us.me),
		api.OnAccount(http.MethodPut, "/users/me", "updateMe", service.ScopeLogin, "Change own profile; another email needs currentPassword", us.changeMe, api.AlsoFails(codes.EmailTaken)),
		api.OnAccount(http.MethodPut, "/users/me/password", "setMyPassword", service.ScopeLogin, "Change own password; ends all other tokens", us.changeMyPassword, api.Status(http.StatusNoContent)),
		api.OnAdmin(http.MethodGet, "/users", "listUsers", "users:read", "List users", us.listUsers),
		api.OnAdmin(http.MethodPost, "/users", "createUser", service.ScopeLogin, "Create a user", us.createUser, api.Status(http.StatusCreated), api.AlsoFails(codes.EmailTaken)),
		api.OnAdmin(http.MethodGet, "/users/{id}", "getUser", "users:read", "One user", us.getUser),
		api.OnAdmin(http.MethodPut, "/users/{id}", "updateUser", service.ScopeLogin, "Change a user", us.changeUser, api.AlsoFails(codes.EmailTaken, codes.LastAdmin)),
		api.OnAdmin(http.MethodDelete, "/users/{id}", "deleteUser", service.ScopeLogin, "Delete a user; his sessions stay with the admins", us.deleteUser, api.Status(http.StatusNoContent), api.AlsoFails(codes.LastAdmin)),
		api.OnAdmin(http.MethodPut, "/users/{id}/password", "setUserPassword", service.ScopeLogin, "Set a user's password; ends his tokens", us.setPassword, api.Status(http.StatusNoContent)),
	}
}

// User is an account of this server.
type User struct {
	ID          string        `json:"id"`
	Email       string        `json:"email" format:"email"`
	Name        string        `json:"name"`
	Role        string        `json:"role" enum:"admin,user"`
	Active      bool          `json:"active"`
	CreatedAt   convert.Time  `json:"createdAt"`
	UpdatedAt   convert.Time  `json:"updatedAt"`
	LastLoginAt *convert.Time `json:"lastLoginAt"`
}

func userShape(u store.User) User {
	return User{
		ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Active: u.Active,
		CreatedAt: convert.Time(u.CreatedAt), UpdatedAt: convert.Time(u.UpdatedAt), LastLoginAt: convert.TimeOrNil(u.LastLoginAt),
	}
}

func (us Users) me(ctx context.Context, who service.Caller, _ *struct{}) (*api.Body[User], error) {
	u, err := us.Store.Users().Get(ctx, who.User.ID)
	if err != nil {
		return nil, err
	}
	return api.Reply(userShape(u)), nil
}

type changeMeIn struct {
	Body struct {
		Email *string   `json:"email,omitempty" format:"email" minLength:"3" maxLength:"254"`
		Name  *api.Name `json:"name,omitempty"`

		CurrentPassword *string `json:"currentPassword,omitempty" maxLength:"4096" doc:"Needed to change the email"`
	}
}

func (us Users) changeMe(ctx context.Context, who service.Caller, in *changeMeIn) (*api.Body[User], error) {
	u, err := us.Accounts.ChangeOwn(ctx, who, account.UserChange{Email: in.Body.Email, Name: (*string)(in.Body.Name)}, in.Body.CurrentPassword)
	if err != nil {
		return nil, err
	}
	return api.Reply(userShape(u)), nil
}

type changeMyPasswordIn struct {
	Body struct {
		CurrentPassword string `json:"currentPassword" maxLength:"4096"`
		Password        string `json:"password" minLength:"10" maxLength:"1024" doc:"The new one"`
	}
}

func (us Users) changeMyPassword(ctx context.Context, who service.Caller, in *changeMyPasswordIn) (*api.Nothing, error) {
	return nil, us.Accounts.ChangeOwnPassword(ctx, who, in.Body.CurrentPassword, in.Body.Password)
}

type listUsersIn struct{ api.Paging }

func (us Users) listUsers(ctx context.Context, _ service.Caller, in *listUsersIn) (*api.Body[api.List[User]], error) {
	users, next, err := us.Store.Users().List(ctx, in.Page())
	if err != nil {
		return nil, err
	}
	return api.Reply(api.ListOf(users, next, userShape)), nil
}

type createUserIn struct {
	Body struct {
		Email    string   `json:"email" format:"email" minLength:"3" maxLength:"254"`
		Name     api.Name `json:"name"`
		Password string   `json:"password" minLength:"10" maxLength:"1024"`
		Role     string   `json:"role,omitempty" enum:"admin,user" default:"user"`
		Active   *bool    `json:"active,omitempty" doc:"true unless given"`
	}
}

func (us Users) createUser(ctx context.Context, _ service.Caller, in *createUserIn) (*api.Body[User], error) {
	b := in.Body
	u, err := us.Accounts.Create(ctx, account.NewUser{Email: b.Email, Name: string(b.Name), Password: b.Password, Role: b.Role, Inactive: b.Active != nil && !*b.Active})
	if err != nil {
		return nil, err
	}
	api.Made(ctx, u.ID)
	return api.Reply(userShape(u)), nil
}

// UserPath is the part of an input that names a user.
type UserPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the user"`
}

type userIn struct{ UserPath }

func (us Users) getUser(ctx context.Context, _ service.Caller, in *userIn) (*api.Body[User], error) {
	u, err := us.Store.Users().Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return api.Reply(userShape(u)), nil
}

type changeUserIn struct {
	UserPath
	Body struct {
		Email  *string   `json:"email,omitempty" format:"email" minLength:"3" maxLength:"254"`
		Name   *api.Name `json:"name,omitempty"`
		Role   *string   `json:"role,omitempty" enum:"admin,user"`
		Active *bool     `json:"active,omitempty"`
	}
}

func (us Users) changeUser(ctx context.Context, _ service.Caller, in *changeUserIn) (*api.Body[User], error) {
	b := in.Body
	u, err := us.Accounts.Change(ctx, in.ID, account.UserChange{Email: b.Email, Name: (*string)(b.Name), Role: b.Role, Active: b.Active})
	if err != nil {
		return nil, err
	}
	return api.Reply(userShape(u)), nil
}

func (us Users) deleteUser(ctx context.Context, _ service.Caller, in *userIn) (*api.Nothing, error) {
	return nil, us.Accounts.Delete(ctx, in.ID)
}

type setPasswordIn struct {
	UserPath
	Body struct {
		Password string `json:"password" minLength:"10" maxLength:"1024"`
	}
}

func (us Users) setPassword(ctx context.Context, who service.Caller, in *setPasswordIn) (*api.Nothing, error) {
	except := ""
	if in.ID == who.User.ID {
		except = who.TokenID
	}
	return nil, us.Accounts.SetPassword(ctx, in.ID, in.Body.Password, except)
}
