package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
		onAdmin(a, http.MethodGet, "/audit", "audit:read", "Who did what, newest first", a.listAudit,
			explained(`All that was meant to change something, of whoever was let in; failed logins; who had a QR code made, and that a phone took it.`)),
	}
}

// AuditEntry says who did what.
type AuditEntry struct {
	ID        string       `json:"id"`
	At        convert.Time `json:"at"`
	UserID    *string      `json:"userId"`
	KeyID     *string      `json:"keyId" doc:"The API key that was used, if one was"`
	Action    string       `json:"action" doc:"Method and route; session.linked: a phone has linked the session"`
	Target    *string      `json:"target" doc:"What it was done to, as in the path, and what it has made. Of a failed login: sha256: and the first 16 hex digits of the SHA-256 of the email in lower case"`
	Address   string       `json:"address" doc:"Empty where it was no request"`
	Status    int          `json:"status" doc:"Status of the answer; 0 where it was no request"`
	RequestID string       `json:"requestId" doc:"Empty where it was no request"`
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

// audited notes every call of whoever was let in that is meant to change something, whatever became of
// it, and failed logins. What strangers try beside that is in the metrics: they could fill the log.
func (a *API) audited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !strings.HasPrefix(c.Path(), base) || a.Audit == nil {
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
		e.Address, e.RequestID = addressOf(ctx), facts.id
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

// made notes for the audit log what a call has made, or was about beside what its path says.
func made(ctx context.Context, id string) { requestFacts(ctx).target = id }

// hashed stands for an email in the audit log: nobody who mistypes a password there finds it kept, and
// who knows an email can look for it.
func hashed(email string) string {
	sum := sha256.Sum256([]byte(service.NormalEmail(email)))
	return "sha256:" + hex.EncodeToString(sum[:8])
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
