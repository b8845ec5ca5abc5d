package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"whatsapp-api/app/consumer"
	"whatsapp-api/store"
)

// spec is a webhook as a consumer of events.
func (c *Courier) spec(w store.Webhook, sessions []string) consumer.Spec {
	return consumer.Spec{
		ID: w.ID, Sessions: sessions, RetryFor: w.RetryFor, Failing: w.State == store.WebhookFailing, Changed: w.UpdatedAt,
		Want: func(ctx context.Context, e store.Event) ([]string, bool, error) {
			if !mapped(w.Format, e.Name) {
				return nil, false, nil
			}
			about := subjectOf(e)
			keys, err := c.chats.of(ctx, e, about)
			return keys, wants(&w, e.Name, about), err
		},
		Deliver: func(ctx context.Context, i consumer.Item) consumer.Outcome { return c.deliver(ctx, w, i) },
		Tell:    func(ctx context.Context, h consumer.Health) error { return c.tell(ctx, w.ID, h) },
	}
}

// deliver makes the requests for an event, but those that were taken before.
func (c *Courier) deliver(ctx context.Context, w store.Webhook, i consumer.Item) consumer.Outcome {
	bodies, err := c.render(ctx, w, i.Event)
	if err != nil {
		return consumer.Outcome{Verdict: consumer.Later, Done: i.Done}
	}
	if len(bodies) == 0 {
		return consumer.Outcome{Verdict: consumer.Skipped}
	}
	done := min(i.Done, len(bodies)-1) // an earlier version of this program may have made more of the event
	var o outcome
	for ; done < len(bodies); done++ {
		o = c.sender.send(ctx, webhookRequest{hook: w, event: partID(i.Event.ID, done), attempt: i.Attempt, replay: i.Replay, body: bodies[done]})
		if !o.delivered() {
			break
		}
	}
	out := consumer.Outcome{
		Verdict: verdict(w, o), At: o.at, Took: o.took, Status: o.status, Fault: o.fault, RetryAfter: o.retryAfter, Done: done,
	}
	if o.status == http.StatusGone {
		out.Stop = "gone: the endpoint answered 410"
	}
	return out
}

// partID is the id of one of several requests for an event. The first has the event's.
func partID(event string, n int) string {
	if n == 0 {
		return event
	}
	return fmt.Sprintf("%s/%d", event, n+1)
}

// verdict says what an answer means for the event. A refusal is of this event, while others may be taken: it
// would be the same again.
func verdict(w store.Webhook, o outcome) consumer.Verdict {
	if o.delivered() {
		return consumer.Taken
	}
	switch o.status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusGone:
		return consumer.Failed
	}
	switch {
	case o.status/100 != 4:
		return consumer.Failed
	case w.OnRefusal == store.RefusalDead:
		return consumer.Dead
	}
	return consumer.Refused
}

// tell keeps the state of a webhook.
func (c *Courier) tell(ctx context.Context, id string, h consumer.Health) error {
	state := store.WebhookActive
	switch {
	case h.Stopped:
		state = store.WebhookPaused
	case h.Failing:
		state = store.WebhookFailing
	}
	_, err := c.store.Webhooks().Update(ctx, id, func(w *store.Webhook) error {
		if w.State != store.WebhookPaused {
			w.State, w.Reason = state, h.Reason
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write webhook's state: %w", err)
	}
	c.logger.Info("webhook changed its state", zap.String("webhook", id), zap.String("state", state))
	if h.Stopped {
		c.Changed()
	}
	return nil
}
