package account

import (
	"context"
	"net/http"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Audit is who did what.
type Audit struct{ Store store.Store }

// Endpoints are the rows of the audit log.
func (a Audit) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnAdmin(http.MethodGet, "/audit", "listAudit", "audit:read", "Who did what, newest first", a.listAudit,
			api.Explained(`All that was meant to change something, of whoever was let in; failed logins; who had a QR code made, and that a phone took it.`)),
	}
}

// AuditEntry says who did what.
type AuditEntry struct {
	ID        string       `json:"id"`
	At        convert.Time `json:"at"`
	UserID    *string      `json:"userId" doc:"Who did it; null: nobody was logged in"`
	KeyID     *string      `json:"keyId" doc:"The API key that was used, if one was"`
	Action    string       `json:"action" doc:"Method and route; session.linked: a phone has linked the session"`
	Target    *string      `json:"target" doc:"What it was done to, as in the path, and what it has made. Of a failed login: sha256: and the first 16 hex digits of the SHA-256 of the email in lower case"`
	Address   string       `json:"address" doc:"Empty where it was no request"`
	Status    int          `json:"status" doc:"Status of the answer; 0 where it was no request"`
	RequestID string       `json:"requestId" doc:"Empty where it was no request"`
}

type listAuditIn struct {
	api.Paging
	UserID string    `query:"userId" maxLength:"64" doc:"Only of this user"`
	Before time.Time `query:"before" doc:"Only from before this moment"`
	After  time.Time `query:"after" doc:"Only from after this moment"`
}

func (a Audit) listAudit(ctx context.Context, _ service.Caller, in *listAuditIn) (*api.Body[api.List[AuditEntry]], error) {
	entries, next, err := a.Store.Audit().List(ctx, store.AuditQuery{UserID: in.UserID, Before: in.Before, After: in.After, Page: in.Page()})
	if err != nil {
		return nil, err
	}
	return api.Reply(api.ListOf(entries, next, func(e store.AuditEntry) AuditEntry {
		return AuditEntry{
			ID: e.ID, At: convert.Time(e.At), UserID: convert.TextOrNil(e.UserID), KeyID: convert.TextOrNil(e.KeyID), Action: e.Action,
			Target: convert.TextOrNil(e.Target), Address: e.Address, Status: e.Status, RequestID: e.RequestID,
		}
	})), nil
}
