package account

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Accounts holds the rules of users: creating and changing them, and their passwords.
type Accounts struct {
	Users  store.Users
	Tokens *Tokens
	Keys   store.APIKeys // nil: there are none
	Log    *zap.Logger

	hasher *hasher
	own    *failures // of current passwords that are wrong, per user
}

// NewAccounts makes the rules of users.
func NewAccounts(users store.Users, tokens *Tokens, log *zap.Logger) *Accounts {
	return &Accounts{Users: users, Tokens: tokens, Log: log, hasher: newHasher(), own: newFailures(pairTries, pairEvery)}
}

// NewUser is what a user is made of.
type NewUser struct {
	Email    string
	Name     string
	Password string
	Role     string // empty: store.RoleUser
	Inactive bool
}

// Create makes a user. service.Invalid, ErrEmailTaken.
func (a *Accounts) Create(ctx context.Context, n NewUser) (store.User, error) {
	wrong := service.Invalid{}
	email := NormalEmail(n.Email)
	wrong.Check("email", checkEmail(email))
	wrong.Check("name", service.CheckName(n.Name))
	wrong.Check("password", checkPassword(n.Password))
	if n.Role == "" {
		n.Role = store.RoleUser
	}
	wrong.Check("role", checkRole(n.Role))
	if len(wrong) > 0 {
		return store.User{}, wrong
	}
	hash, err := a.hasher.hash(ctx, n.Password)
	if err != nil {
		return store.User{}, fmt.Errorf("hash password: %w", err)
	}
	u := store.User{
		ID: service.NewID("usr_"), Email: email, Name: strings.TrimSpace(n.Name), Role: n.Role, Active: !n.Inactive,
		PasswordHash: hash, CreatedAt: service.Now(), UpdatedAt: service.Now(),
	}
	if err := a.Users.Create(ctx, u); err != nil {
		return store.User{}, emailTaken(fmt.Errorf("create user: %w", err))
	}
	a.Log.Info("user created", zap.String("user", u.ID), zap.String("role", u.Role))
	return u, nil
}

// UserChange changes a user; nil leaves as is.
type UserChange struct {
	Email  *string
	Name   *string
	Role   *string
	Active *bool
}

// Change changes a user. A user who is deactivated is logged out everywhere. service.Invalid,
// ErrEmailTaken, store.ErrLastAdmin, store.ErrNotFound.
func (a *Accounts) Change(ctx context.Context, id string, c UserChange) (store.User, error) {
	wrong := service.Invalid{}
	if c.Email != nil {
		*c.Email = NormalEmail(*c.Email)
		wrong.Check("email", checkEmail(*c.Email))
	}
	if c.Name != nil {
		wrong.Check("name", service.CheckName(*c.Name))
	}
	if c.Role != nil {
		wrong.Check("role", checkRole(*c.Role))
	}
	if len(wrong) > 0 {
		return store.User{}, wrong
	}
	u, err := a.Users.Update(ctx, id, func(u *store.User) error {
		service.Set(&u.Email, c.Email)
		service.Set(&u.Name, c.Name)
		service.Set(&u.Role, c.Role)
		service.Set(&u.Active, c.Active)
		u.UpdatedAt = service.Now()
		return nil
	})
	if err != nil {
		return store.User{}, emailTaken(fmt.Errorf("change user: %w", err))
	}
	if !u.Active {
		if err := a.Tokens.RevokeAll(ctx, u.ID, ""); err != nil {
			return store.User{}, err
		}
	}
	a.Tokens.Changed(u.ID)
	a.Log.Info("user changed", zap.String("user", u.ID))
	return u, nil
}

// Delete removes a user. His sessions stay, visible to admins. store.ErrLastAdmin.
func (a *Accounts) Delete(ctx context.Context, id string) error {
	if err := a.Users.Delete(ctx, id); err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	if err := a.Tokens.RevokeAll(ctx, id, ""); err != nil {
		return err
	}
	if a.Keys != nil {
		if err := a.Keys.DeleteOf(ctx, id); err != nil {
			return fmt.Errorf("delete user's keys: %w", err)
		}
	}
	a.Log.Info("user deleted", zap.String("user", id))
	return nil
}

// SetPassword gives a user a new password and ends all his tokens but the one with id
// except (may be empty). service.Invalid, store.ErrNotFound.
func (a *Accounts) SetPassword(ctx context.Context, id, password, except string) error {
	if fault := checkPassword(password); fault != "" {
		return service.Invalid{"password": fault}
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("hash password: %w", err)
	}
	_, err = a.Users.Update(ctx, id, func(u *store.User) error {
		u.PasswordHash, u.UpdatedAt = hash, service.Now()
		return nil
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	a.Log.Info("password changed", zap.String("user", id))
	return a.Tokens.RevokeAll(ctx, id, except)
}

// ChangeOwnPassword is SetPassword for the user himself, who must know the old one. service.TooMany.
func (a *Accounts) ChangeOwnPassword(ctx context.Context, who service.Caller, old, password string) error {
	if err := a.proveOwn(ctx, who, old); err != nil {
		return err
	}
	return a.SetPassword(ctx, who.User.ID, password, who.TokenID)
}

// ChangeOwn is Change for the user himself, who must know his password to change the email that he logs
// in with: a token that was stolen must not shut him out. service.TooMany.
func (a *Accounts) ChangeOwn(ctx context.Context, who service.Caller, c UserChange, password *string) (store.User, error) {
	if c.Email != nil && NormalEmail(*c.Email) != who.User.Email {
		if password == nil {
			return store.User{}, service.Invalid{"currentPassword": "is needed to change the email"}
		}
		if err := a.proveOwn(ctx, who, *password); err != nil {
			return store.User{}, err
		}
	}
	return a.Change(ctx, who.User.ID, c)
}

// proveOwn checks the password of a caller who has logged in already. Whoever has got hold of his token
// cannot guess on.
func (a *Accounts) proveOwn(ctx context.Context, who service.Caller, password string) error {
	u, err := a.Users.Get(ctx, who.User.ID)
	if err != nil {
		return fmt.Errorf("check own password: %w", err)
	}
	end, err := a.own.begin(ctx, u.ID)
	if err != nil {
		return err
	}
	failed := false
	defer func() { end(failed) }()
	good, err := a.hasher.matches(ctx, password, u.PasswordHash)
	if err != nil {
		return fmt.Errorf("check password: %w", err)
	}
	if failed = !good; failed {
		return service.Invalid{"currentPassword": "is wrong"}
	}
	return nil
}

// NormalEmail is how an email is kept and looked up.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func checkEmail(email string) string {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 || strings.ContainsFunc(email, unicode.IsControl) {
		return "must be an email address such as ana@example.com"
	}
	return ""
}

func checkRole(role string) string {
	if role != store.RoleAdmin && role != store.RoleUser {
		return "must be admin or user"
	}
	return ""
}

func emailTaken(err error) error {
	if errors.Is(err, store.ErrExists) {
		return ErrEmailTaken
	}
	return err
}

// touchLogin notes when a user logged in last.
func (a *Accounts) touchLogin(ctx context.Context, id string, at time.Time) (store.User, error) {
	return a.Users.Update(ctx, id, func(u *store.User) error {
		u.LastLoginAt = at
		return nil
	})
}
