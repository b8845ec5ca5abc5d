package deliver

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/consumer"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// ReplayPoint is a moment, or an event's seq; the zero point is no limit.
type ReplayPoint struct {
	Seq int64
	At  time.Time
}

// Replay says which events are to be sent again, both ends included.
type Replay struct {
	ID         string // given by Replay
	From, To   ReplayPoint
	OnlyFailed bool // only those that were given up
}

// Replay sends events again that are still in the log, in the background, beside the new ones. It
// goes on after a restart. service.Invalid, ErrReplayRunning while one is running.
func (h *Webhooks) Replay(ctx context.Context, who service.Caller, id string, p Replay) (Replay, error) {
	w, err := h.Get(ctx, who, id)
	if err != nil {
		return Replay{}, err
	}
	if err := checkReplay(w, p); err != nil {
		return Replay{}, err
	}
	cursors, err := h.Store.Deliveries().Cursors(ctx, id)
	if err != nil {
		return Replay{}, fmt.Errorf("replay: %w", err)
	}
	for _, c := range cursors {
		if consumer.IsReplay(c) {
			return Replay{}, ErrReplayRunning
		}
	}
	p.ID = service.NewID("rpl_")
	ends, err := h.ends(ctx, w)
	if err != nil {
		return Replay{}, err
	}
	for i := range ends {
		c := &ends[i]
		c.Replay, c.Until, c.From, c.To, c.Failed = p.ID, c.Seq, p.From.At, p.To.At, p.OnlyFailed
		c.Seq = max(p.From.Seq-1, 0)
		if p.To.Seq > 0 {
			c.Until = min(c.Until, p.To.Seq)
		}
	}
	if err := h.Store.Deliveries().Keep(ctx, store.DeliveryProgress{Cursors: ends}); err != nil {
		return Replay{}, fmt.Errorf("replay: %w", err)
	}
	for _, c := range ends {
		h.Courier.pool.Replay(c)
	}
	h.Log.Info("webhook replay", zap.String("webhook", id), zap.String("replay", p.ID), zap.Bool("failed", p.OnlyFailed))
	return p, nil
}

func checkReplay(w store.Webhook, p Replay) error {
	wrong := service.Invalid{}
	for field, at := range map[string]ReplayPoint{"from": p.From, "to": p.To} {
		if at.Seq != 0 && w.SessionID == "" {
			wrong[field] = "must be a time: a seq is one session's, and this webhook has all"
		}
	}
	if p.To.Seq > 0 && p.From.Seq > p.To.Seq || !p.To.At.IsZero() && p.From.At.After(p.To.At) {
		wrong["to"] = "must not be before from"
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}
