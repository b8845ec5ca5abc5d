package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/whatsapp/convert"
)

const loginAbout = `Only wrong passwords count: 5 of one account from one address, then one a minute; 100 of one account an hour, wherever they come from, but not where its user has logged in lately; 20 from one address, then one every 3 s. Who has to wait gets 429 with Retry-After, with the right password too. Addresses of IPv6 count by their /64.`

// Logins begin and end what a token is good for.
type Logins struct {
	Login  *account.Login
	Tokens *account.Tokens
}

// Endpoints are the rows of logging in and out.
func (l Logins) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.ForAll(http.MethodPost, api.Base+"/users/login", "logIn", "Log in; also sets a cookie, which does instead of the header on pages of the same origin", l.login,
			api.AlsoFails(codes.WrongLogin, codes.StoreUnavailable, codes.Unavailable), api.Explained(loginAbout)),
		api.OnAccount(http.MethodPost, "/users/logout", "logOut", service.ScopeLogin, "End this token", l.logout, api.Status(http.StatusNoContent)),
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

func (l Logins) login(ctx context.Context, in *loginIn) (*loginOut, error) {
	g, err := l.Login.Do(ctx, in.Body.Email, in.Body.Password, api.AddressOf(ctx))
	if errors.Is(err, account.ErrWrongLogin) {
		api.Made(ctx, hashed(in.Body.Email))
	}
	if err != nil {
		return nil, err
	}
	api.GotIn(ctx, g.User.ID)
	return &loginOut{
		Cookie: tokenCookie(g.Token, g.ExpiresAt, api.Encrypted(ctx)),
		Body:   Login{Token: g.Token, ExpiresAt: convert.Time(g.ExpiresAt), User: userShape(g.User)},
	}, nil
}

// logoutOut takes the cookie away.
type logoutOut struct {
	Cookie string `header:"Set-Cookie"`
}

func (l Logins) logout(ctx context.Context, who service.Caller, _ *struct{}) (*logoutOut, error) {
	return &logoutOut{Cookie: tokenCookie("", time.Time{}, api.Encrypted(ctx))}, l.Tokens.Revoke(ctx, who)
}

// tokenCookie is the cookie that keeps a browser logged in: out of reach of scripts, and never
// sent along from another site. With an empty token it takes the cookie away.
func tokenCookie(token string, expires time.Time, secure bool) string {
	c := http.Cookie{ //nolint:gosec // Secure follows the connection: without TLS it would lock everybody out
		Name: api.TokenCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure, Expires: expires,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

// hashed stands for an email in the audit log: nobody who mistypes a password there finds it kept, and
// who knows an email can look for it.
func hashed(email string) string {
	sum := sha256.Sum256([]byte(account.NormalEmail(email)))
	return "sha256:" + hex.EncodeToString(sum[:8])
}
