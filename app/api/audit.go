package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

func (a *API) auditLog() []Endpoint {
	return []Endpoint{
		onAdmin(a, http.MethodGet, "/audit", "audit:read", "Who did what, newest first", a.listAudit),
	}
}

// AuditEntry says who did what.
type AuditEntry struct {
	ID        string       `json:"id"`
	At        convert.Time `json:"at"`
	UserID    *string      `json:"userId"`
	KeyID     *string      `json:"keyId" doc:"The API key that was used, if one was"`
	Action    string       `json:"action" doc:"Method and route"`
	Target    *string      `json:"target" doc:"What it was done to, as in the path"`
	Address   string       `json:"address"`
	Status    int          `json:"status" doc:"Status of the answer"`
	RequestID string       `json:"requestId"`
}

type listAuditIn struct {
	Paging
	UserID string    `query:"userId" maxLength:"64"`
	Before time.Time `query:"before"`
	After  time.Time `query:"after"`
}

func (a *API) listAudit(ctx context.Context, _ service.Caller, in *listAuditIn) (*body[List[AuditEntry]], error) {
	entries, next, err := a.Store.Audit().List(ctx, store.AuditQuery{UserID: in.UserID, Before: in.Before, After: in.After, Page: in.page()})
	if err != nil {
		return nil, err
	}
	return reply(listOf(entries, next, func(e store.AuditEntry) AuditEntry {
		return AuditEntry{
			ID: e.ID, At: convert.Time(e.At), UserID: convert.TextOrNil(e.UserID), KeyID: convert.TextOrNil(e.KeyID), Action: e.Action,
			Target: convert.TextOrNil(e.Target), Address: e.Address, Status: e.Status, RequestID: e.RequestID,
		}
	})), nil
}

// audited notes every call that is meant to change something, whatever became of it.
func (a *API) audited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if safe(c.Request().Method) || !strings.HasPrefix(c.Path(), base) || a.Audit == nil {
			return next(c)
		}
		e := a.Audit.Begin()
		if err := next(c); err != nil {
			c.Error(err)
		}
		ctx := c.Request().Context()
		who := callerOf(ctx)
		e.UserID, e.Address, e.RequestID = who.User.ID, addressOf(ctx), requestOf(ctx)
		e.Action, e.Target, e.Status = c.Request().Method+" "+c.Path(), strings.Join(c.ParamValues(), "/"), c.Response().Status
		if who.Key != nil {
			e.KeyID = who.Key.ID
		}
		a.Audit.Note(e)
		return nil
	}
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
