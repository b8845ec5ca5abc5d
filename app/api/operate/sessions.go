package operate

import (
	"context"
	"net/http"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Sessions are the sessions as who looks after the server sees them.
type Sessions struct {
	Store    store.Store
	Log      *events.Log
	Webhooks *deliver.Webhooks
}

// Endpoints are the rows of a session's health.
func (ss Sessions) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodGet, "/sessions/{sessionId}/health", "getSessionHealth", "sessions:read", "The facts behind a session's state", ss.getHealth),
	}
}

// SessionHealth is the facts behind a session's state.
type SessionHealth struct {
	SessionID       string        `json:"sessionId"`
	State           string        `json:"state"`
	Reason          *string       `json:"reason"`
	Since           convert.Time  `json:"since"`
	LastFrameAt     *convert.Time `json:"lastFrameAt" doc:"When WhatsApp sent anything last; null while not connected"`
	SilentMs        *int64        `json:"silentMs" doc:"How long ago that was"`
	UnansweredPings int           `json:"unansweredPings" doc:"In a row; they go every 20 to 30 seconds"`
	QueuedMessages  int           `json:"queuedMessages" doc:"Sent messages that WhatsApp has not acknowledged, counted up to 100"`
	LastSeq         int64         `json:"lastSeq"`
	Webhooks        []Backlog     `json:"webhooks" doc:"Webhooks that get this session's events"`
}

// Backlog is what of a session a webhook has still to deliver.
type Backlog struct {
	WebhookID string  `json:"webhookId"`
	State     string  `json:"state" enum:"active,paused,failing"`
	Reason    *string `json:"reason"`
	Backlog   int64   `json:"backlog" doc:"Events it has still to go through, wanted or not"`
}

type sessionIn struct{ api.SessionPath }

// maxQueued bounds how many queued messages are counted.
const maxQueued = 100

func (ss Sessions) getHealth(ctx context.Context, on service.Target, _ *sessionIn) (*api.Body[SessionHealth], error) {
	queued, err := ss.Store.Messages().Queued(ctx, on.Session.ID(), maxQueued)
	if err != nil {
		return nil, err
	}
	_, newest, err := ss.Log.Bounds(ctx, on.Session.ID())
	if err != nil {
		return nil, err
	}
	record, err := ss.Store.Sessions().Get(ctx, on.Session.ID())
	if err != nil {
		return nil, err
	}
	record.LastSeq = newest
	waiting, err := ss.Webhooks.WaitingOf(ctx, on.Caller, record)
	if err != nil {
		return nil, err
	}
	snap, facts := on.Session.Snapshot(), on.Session.Health()
	h := SessionHealth{
		SessionID: on.Session.ID(), State: string(snap.State), Reason: convert.TextOrNil(snap.Reason), Since: convert.Time(snap.Since),
		LastFrameAt: convert.TimeOrNil(facts.LastFrame), UnansweredPings: facts.UnansweredPings, QueuedMessages: len(queued), LastSeq: newest, Webhooks: []Backlog{},
	}
	for _, w := range waiting {
		h.Webhooks = append(h.Webhooks, Backlog{WebhookID: w.Webhook.ID, State: w.Webhook.State, Reason: convert.TextOrNil(w.Webhook.Reason), Backlog: w.Events})
	}
	if !facts.LastFrame.IsZero() {
		silent := time.Since(facts.LastFrame).Milliseconds()
		h.SilentMs = &silent
	}
	return api.Reply(h), nil
}
