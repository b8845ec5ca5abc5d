package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"whatsapp-api/app/service"
)

// audited notes every call of whoever was let in that is meant to change something, whatever became of
// it, and failed logins. What strangers try beside that is in the metrics: they could fill the log.
func (a *API) audited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !strings.HasPrefix(c.Path(), Base) || a.Audit == nil {
			return next(c)
		}
		e := a.Audit.Begin()
		if err := next(c); err != nil {
			c.Error(err)
		}
		ctx := c.Request().Context()
		who, facts := callerOf(ctx), requestFacts(ctx)
		e.Action, e.Status = c.Request().Method+" "+c.Path(), c.Response().Status
		if safe(c.Request().Method) && !facts.act || !letIn(who, e.Status) && facts.target == "" {
			return nil
		}
		if e.UserID = who.User.ID; e.UserID == "" {
			e.UserID = facts.user
		}
		e.Target = strings.Join(c.ParamValues(), "/")
		if facts.target != "" {
			e.Target = strings.TrimPrefix(e.Target+"/"+facts.target, "/")
		}
		e.Address, e.RequestID = AddressOf(ctx), facts.id
		if who.Key != nil {
			e.KeyID = who.Key.ID
		}
		a.Audit.Note(e)
		return nil
	}
}

// letIn says whether a call got past the door: with a token or key, or by being served without one.
func letIn(who service.Caller, status int) bool {
	return who.User.ID != "" || status < http.StatusBadRequest
}

// Made notes for the audit log what a call has made, or was about beside what its path says.
func Made(ctx context.Context, id string) { requestFacts(ctx).target = id }

// GotIn notes for the audit log who got in by a call, where nobody was logged in before.
func GotIn(ctx context.Context, user string) { requestFacts(ctx).user = user }

// Acts notes for the audit log that a call is meant to change something, though its method is safe.
func Acts(ctx context.Context) { requestFacts(ctx).act = true }

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
