package deliver

import (
	"context"
	"fmt"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Waiting says how much a webhook has still to deliver: what its cursor has not passed, wanted or
// not, and what it has passed and waits all the same: to be tried again, or as a replay. It is read
// from positions and from the records of what waits, never by counting events.
type Waiting struct {
	Webhook store.Webhook
	Events  int64
}

// Backlog says for each webhook how many events wait, of all its sessions.
func (h *Webhooks) Backlog(ctx context.Context, hooks ...store.Webhook) (map[string]int64, error) {
	backlog, heads := map[string]int64{}, map[string]map[string]int64{}
	for _, w := range hooks {
		if heads[w.OwnerID] == nil {
			newest := map[string]int64{}
			if err := eachSession(ctx, h.Store, w.OwnerID, func(s store.Session) { newest[s.ID] = s.LastSeq }); err != nil {
				return nil, fmt.Errorf("backlog: %w", err)
			}
			heads[w.OwnerID] = newest
		}
		n, err := h.waiting(ctx, w, "", heads[w.OwnerID])
		if err != nil {
			return nil, err
		}
		backlog[w.ID] = n
	}
	return backlog, nil
}

// WaitingOf says how many events of a session wait, for each webhook that gets them and that the
// caller may see.
func (h *Webhooks) WaitingOf(ctx context.Context, who service.Caller, s store.Session) ([]Waiting, error) {
	all, _, err := h.Store.Webhooks().List(ctx, store.WebhookQuery{Owner: s.OwnerID, Page: store.Page{Limit: maxWebhooks}})
	if err != nil {
		return nil, fmt.Errorf("webhooks of a session: %w", err)
	}
	list := []Waiting{}
	for _, w := range all {
		if w.SessionID != "" && w.SessionID != s.ID || !allowed(who, w) {
			continue
		}
		n, err := h.waiting(ctx, w, s.ID, map[string]int64{s.ID: s.LastSeq})
		if err != nil {
			return nil, err
		}
		list = append(list, Waiting{w, n})
	}
	return list, nil
}

// WaitingAll lists webhooks with what waits for them, at most so many.
func (h *Webhooks) WaitingAll(ctx context.Context, most int) ([]Waiting, error) {
	all, _, err := h.Store.Webhooks().List(ctx, store.WebhookQuery{Page: store.Page{Limit: most}})
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	backlog, err := h.Backlog(ctx, all...)
	if err != nil {
		return nil, err
	}
	list := make([]Waiting, 0, len(all))
	for _, w := range all {
		list = append(list, Waiting{w, backlog[w.ID]})
	}
	return list, nil
}

// waiting counts what waits for a webhook, of one session or with an empty one of all; newest has
// the last event of each. A session without a cursor was made after the webhook, which has yet to
// begin with it.
func (h *Webhooks) waiting(ctx context.Context, w store.Webhook, session string, newest map[string]int64) (int64, error) {
	cursors, err := h.Store.Deliveries().Cursors(ctx, w.ID)
	if err != nil {
		return 0, fmt.Errorf("backlog: %w", err)
	}
	passed, total := map[string]int64{}, int64(0)
	for id := range newest {
		if (session == "" || session == id) && (w.SessionID == "" || w.SessionID == id) {
			passed[id] = 0
		}
	}
	for _, c := range cursors {
		if _, of := passed[c.SessionID]; of && c.Replay == "" {
			passed[c.SessionID] = c.Seq
		}
	}
	for id, seq := range passed {
		total += max(0, newest[id]-seq)
	}
	waiting, err := h.Store.Deliveries().Waiting(ctx, w.ID, passed) // after the cursors: none ahead of these is counted
	if err != nil {
		return 0, fmt.Errorf("backlog: %w", err)
	}
	return total + waiting, nil
}
