package api

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/service"
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

// loggedIn lets only calls with a good token through.
func (a *API) loggedIn(ctx huma.Context, next func(huma.Context)) {
	token, ok := bearer(ctx.Header("Authorization"))
	if !ok {
		a.refuse(ctx, service.ErrUnauthorized)
		return
	}
	who, err := a.Tokens.Check(ctx.Context(), token)
	if err != nil {
		a.refuse(ctx, err)
		return
	}
	next(huma.WithValue(ctx, callerKey{}, who))
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
	who := callerOf(ctx.Context())
	r, err := a.Sessions.Get(ctx.Context(), who, ctx.Param("sessionId"))
	if err != nil {
		a.refuse(ctx, err)
		return
	}
	next(huma.WithValue(ctx, targetKey{}, Target{Caller: who, Record: r, Session: a.Manager.Of(r)}))
}

// bearer reads "Bearer <token>" (RFC 6750); the scheme's case does not matter.
func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && token != "" && strings.EqualFold(scheme, "Bearer")
}
