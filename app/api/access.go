package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
)

type (
	callerKey struct{}
	targetKey struct{}
)

// callerOf is who makes the call; loggedIn has put it there.
func callerOf(ctx context.Context) service.Caller {
	c, _ := ctx.Value(callerKey{}).(service.Caller)
	return c
}

// loggedIn lets only calls with a good token or key through, as often as they may, and only
// where a key allows the scope.
func (a *API) loggedIn(scope string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		token, ok := Bearer(ctx.Header("Authorization"))
		if !ok {
			if c, err := huma.ReadCookie(ctx, TokenCookie); err == nil {
				token = c.Value
			}
		}
		who, err := Admit(ctx.Context(), a.Tokens, token)
		if err == nil {
			ctx = huma.WithValue(ctx, callerKey{}, who)
			err = a.paced(ctx, who)
		}
		if err == nil {
			err = who.Require(scope)
		}
		if err != nil {
			a.refuse(ctx, err)
			return
		}
		next(ctx)
	}
}

// Admit says whose token or key it is, and whether a key may be used from where the request
// comes from. service.ErrUnauthorized, service.ErrAddress.
func Admit(ctx context.Context, tokens *account.Tokens, token string) (service.Caller, error) {
	if token == "" {
		return service.Caller{}, service.ErrUnauthorized
	}
	who, err := tokens.Check(ctx, token)
	if err == nil && !who.MayFrom(ProvenAddress(ctx)) {
		return service.Caller{}, service.ErrAddress
	}
	return who, err
}

// TokenOf finds a request's token where all routes look for it.
func TokenOf(r *http.Request) string {
	if token, ok := Bearer(r.Header.Get("Authorization")); ok {
		return token
	}
	if c, err := r.Cookie(TokenCookie); err == nil {
		return c.Value
	}
	return ""
}

// adminOnly comes after loggedIn.
func (a *API) adminOnly(ctx huma.Context, next func(huma.Context)) {
	if !callerOf(ctx.Context()).Admin() {
		a.refuse(ctx, service.ErrForbidden)
		return
	}
	next(ctx)
}

// ownSession comes after loggedIn and lets only calls about the caller's own sessions through.
func (a *API) ownSession(ctx huma.Context, next func(huma.Context)) {
	on, err := a.Sessions.Open(ctx.Context(), callerOf(ctx.Context()), ctx.Param("sessionId"))
	if err == nil && ctx.Method() == http.MethodGet { // who was told that a message is sent reads it so
		err = on.Session.Settled(ctx.Context())
	}
	if err != nil {
		a.refuse(ctx, err)
		return
	}
	next(huma.WithValue(ctx, targetKey{}, on))
}

// Bearer reads "Bearer <token>" (RFC 6750); the scheme's case does not matter.
func Bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && token != "" && strings.EqualFold(scheme, "Bearer")
}
