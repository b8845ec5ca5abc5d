package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp/convert"
)

// scopeMetrics is what a key needs to read /metrics.
const scopeMetrics = "metrics:read"

// metrics serves GET /metrics to admins' tokens and keys. METRICS_LISTEN serves the same
// without a key, on an address of its own.
func (a *API) metrics(c echo.Context) error {
	ctx := c.Request().Context()
	token, _ := bearer(c.Request().Header.Get("Authorization"))
	who, err := a.admit(ctx, token)
	switch {
	case err != nil:
		return a.problemOf(ctx, err)
	case !who.Admin():
		return a.problemOf(ctx, service.ErrForbidden)
	}
	if err := who.Require(scopeMetrics); err != nil {
		return a.problemOf(ctx, err)
	}
	c.Response().Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	c.Response().WriteHeader(http.StatusOK)
	a.WriteMetrics(ctx, c.Response())
	return nil
}

func (a *API) sessionHealth() []Endpoint {
	return []Endpoint{
		onSession(a, http.MethodGet, "/sessions/{sessionId}/health", "sessions:read", "The facts behind a session's state", a.getHealth),
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

// maxQueued bounds how many queued messages are counted.
const maxQueued = 100

func (a *API) getHealth(ctx context.Context, on Target, _ *sessionIn) (*body[SessionHealth], error) {
	queued, err := a.Store.Messages().Queued(ctx, on.Record.ID, maxQueued)
	if err != nil {
		return nil, err
	}
	_, newest, err := a.Log.Bounds(ctx, on.Record.ID)
	if err != nil {
		return nil, err
	}
	record := on.Record
	record.LastSeq = newest
	waiting, err := a.Webhooks.WaitingOf(ctx, on.Caller, record)
	if err != nil {
		return nil, err
	}
	snap, facts := on.Session.Snapshot(), on.Session.Health()
	h := SessionHealth{
		SessionID: on.Record.ID, State: string(snap.State), Reason: convert.TextOrNil(snap.Reason), Since: convert.Time(snap.Since),
		LastFrameAt: convert.TimeOrNil(facts.LastFrame), UnansweredPings: facts.UnansweredPings, QueuedMessages: len(queued), LastSeq: newest, Webhooks: []Backlog{},
	}
	for _, w := range waiting {
		h.Webhooks = append(h.Webhooks, Backlog{WebhookID: w.Webhook.ID, State: w.Webhook.State, Reason: convert.TextOrNil(w.Webhook.Reason), Backlog: w.Events})
	}
	if !facts.LastFrame.IsZero() {
		silent := time.Since(facts.LastFrame).Milliseconds()
		h.SilentMs = &silent
	}
	return reply(h), nil
}
