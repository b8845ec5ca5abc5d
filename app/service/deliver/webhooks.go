package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/consumer"
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// EventTest is the name of the event that a test sends. It is in no log.
const EventTest = "webhook_test"

const (
	maxWebhooks  = 50 // of one owner
	defaultRetry = 72 * time.Hour
	maxRetry     = 14 * 24 * time.Hour
	defaultWait  = 10 * time.Second
	maxWait      = 30 * time.Second
)

// Webhooks holds the rules of outgoing webhooks: whose they are, what they may be, and what
// can be asked of them. The Courier delivers.
type Webhooks struct {
	Store    store.Store
	Events   *events.Log
	Sessions Sessions
	Courier  *Courier
	Targets  *Targets
	Log      *zap.Logger

	creating sync.Mutex // so that the limit holds
}

// Sessions finds a session that the caller may see. One that is not his is store.ErrNotFound.
type Sessions interface {
	Get(ctx context.Context, who service.Caller, id string) (store.Session, error)
}

// WebhookSpec says what a webhook is to be; nil leaves as is, or takes the default.
type WebhookSpec struct {
	URL      *string
	Events   *[]string // empty: all
	Filters  *store.WebhookFilters
	Headers  *map[string]string
	Format   *string
	RetryFor *time.Duration
	Timeout  *time.Duration

	OnRefusal *string // store.RefusalRetry or RefusalDead
}

// Create makes a webhook for one session, or with an empty one for all sessions of the caller,
// those made later too. It gets the events from now on. service.Invalid, ErrTooManyWebhooks,
// store.ErrNotFound for a session that is not the caller's.
func (h *Webhooks) Create(ctx context.Context, who service.Caller, session string, spec WebhookSpec) (store.Webhook, error) {
	w := store.Webhook{
		ID: service.NewID("whk_"), OwnerID: who.User.ID, SessionID: session, Format: FormatNative, State: store.WebhookActive,
		Secrets: []store.WebhookSecret{{Value: newSecret()}}, RetryFor: defaultRetry, Timeout: defaultWait, CreatedAt: service.Now(), UpdatedAt: service.Now(),
	}
	if session != "" {
		s, err := h.Sessions.Get(ctx, who, session)
		if err != nil {
			return store.Webhook{}, err
		}
		w.OwnerID = s.OwnerID
	} else if !who.MaySession("") {
		return store.Webhook{}, service.Invalid{"sessionId": "is needed: this API key is for some sessions only"}
	}
	if err := h.apply(&w, spec); err != nil {
		return store.Webhook{}, err
	}
	h.creating.Lock()
	defer h.creating.Unlock()
	list, _, err := h.Store.Webhooks().List(ctx, store.WebhookQuery{Owner: w.OwnerID, Page: store.Page{Limit: maxWebhooks}})
	if err != nil {
		return store.Webhook{}, fmt.Errorf("count webhooks: %w", err)
	}
	if len(list) >= maxWebhooks {
		return store.Webhook{}, ErrTooManyWebhooks
	}
	begin, err := h.ends(ctx, w)
	if err != nil {
		return store.Webhook{}, err
	}
	if err := h.Store.Webhooks().Create(ctx, w, begin); err != nil {
		return store.Webhook{}, fmt.Errorf("create webhook: %w", err)
	}
	h.Courier.Changed()
	h.Log.Info("webhook created", zap.String("webhook", w.ID), zap.String("session", session), zap.String("user", w.OwnerID))
	return w, nil
}

// ends are cursors at the newest event of each of a webhook's sessions.
func (h *Webhooks) ends(ctx context.Context, w store.Webhook) ([]store.WebhookCursor, error) {
	ids := []string{w.SessionID}
	if w.SessionID == "" {
		ids = nil
		if err := eachSession(ctx, h.Store, w.OwnerID, func(s store.Session) { ids = append(ids, s.ID) }); err != nil {
			return nil, fmt.Errorf("sessions of a webhook: %w", err)
		}
	}
	var list []store.WebhookCursor
	for _, id := range ids {
		_, newest, err := h.Events.Bounds(ctx, id)
		if errors.Is(err, store.ErrNotFound) { // deleted just now
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("end of the log: %w", err)
		}
		list = append(list, store.WebhookCursor{WebhookID: w.ID, SessionID: id, Seq: newest})
	}
	return list, nil
}

// allowed says whether the caller may see and change a webhook.
func allowed(who service.Caller, w store.Webhook) bool {
	return (w.OwnerID == who.User.ID || who.Admin()) && who.MaySession(w.SessionID)
}

// Get finds a webhook of the caller's; admins find all. store.ErrNotFound.
func (h *Webhooks) Get(ctx context.Context, who service.Caller, id string) (store.Webhook, error) {
	w, err := h.Store.Webhooks().Get(ctx, id)
	if err == nil && !allowed(who, w) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Webhook{}, fmt.Errorf("get webhook: %w", err)
	}
	return w, nil
}

// List lists the webhooks that the caller may see, of one session or with an empty one of all.
func (h *Webhooks) List(ctx context.Context, who service.Caller, session string, p store.Page) ([]store.Webhook, string, error) {
	q := store.WebhookQuery{Owner: who.User.ID, Session: session, Page: p}
	if who.Admin() {
		q.Owner = ""
	}
	if session != "" {
		if _, err := h.Sessions.Get(ctx, who, session); err != nil {
			return nil, "", err
		}
	}
	list, next, err := h.Store.Webhooks().List(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("list webhooks: %w", err)
	}
	return slices.DeleteFunc(list, func(w store.Webhook) bool { return !allowed(who, w) }), next, nil
}

// Change changes a webhook. One that gets another URL: when Change returns, nothing goes to the old
// one any more, and if it was failing, it is tried at once. service.Invalid.
func (h *Webhooks) Change(ctx context.Context, who service.Caller, id string, spec WebhookSpec) (store.Webhook, error) {
	return h.update(ctx, who, id, func(w *store.Webhook) error {
		was := w.URL
		if err := h.apply(w, spec); err != nil {
			return err
		}
		if w.URL != was && w.State == store.WebhookFailing {
			w.State, w.Reason = store.WebhookActive, ""
		}
		return nil
	})
}

func (h *Webhooks) update(ctx context.Context, who service.Caller, id string, change func(*store.Webhook) error) (store.Webhook, error) {
	if _, err := h.Get(ctx, who, id); err != nil {
		return store.Webhook{}, err
	}
	was := ""
	w, err := h.Store.Webhooks().Update(ctx, id, func(w *store.Webhook) error {
		was, w.UpdatedAt = w.URL, service.Now()
		return change(w)
	})
	if err != nil {
		return store.Webhook{}, fmt.Errorf("change webhook: %w", err)
	}
	if w.State == store.WebhookPaused || w.URL != was {
		h.Courier.Halt(ctx, id)
	}
	h.Courier.Changed()
	h.Log.Info("webhook changed", zap.String("webhook", id), zap.String("state", w.State))
	return w, nil
}

// Pause stops deliveries; events wait in the log. When it returns, none is under way.
func (h *Webhooks) Pause(ctx context.Context, who service.Caller, id string) (store.Webhook, error) {
	return h.update(ctx, who, id, func(w *store.Webhook) error {
		w.State, w.Reason = store.WebhookPaused, "paused by hand"
		return nil
	})
}

// Resume goes on where deliveries stopped. A failing webhook, and chats that wait, are tried at once.
func (h *Webhooks) Resume(ctx context.Context, who service.Caller, id string) (store.Webhook, error) {
	return h.update(ctx, who, id, func(w *store.Webhook) error {
		w.State, w.Reason = store.WebhookActive, ""
		return nil
	})
}

// Rotate gives a webhook a new secret. The old one signs as well for 24 hours.
func (h *Webhooks) Rotate(ctx context.Context, who service.Caller, id string) (store.Webhook, error) {
	fresh := newSecret()
	return h.update(ctx, who, id, func(w *store.Webhook) error {
		w.Secrets = rotate(w.Secrets, fresh, service.Now())
		return nil
	})
}

// Delete removes a webhook with its log of deliveries. When it returns, none is under way.
func (h *Webhooks) Delete(ctx context.Context, who service.Caller, id string) error {
	if _, err := h.Get(ctx, who, id); err != nil {
		return err
	}
	if err := h.Store.Webhooks().Delete(ctx, id); err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	h.Courier.Halt(ctx, id)
	h.Courier.Changed()
	h.Log.Info("webhook deleted", zap.String("webhook", id))
	return nil
}

// Test sends a webhook_test event at once, also while the webhook is paused, and says what
// came of it. It is not in the log of deliveries.
func (h *Webhooks) Test(ctx context.Context, who service.Caller, id string) (store.Delivery, error) {
	w, err := h.Get(ctx, who, id)
	if err != nil {
		return store.Delivery{}, err
	}
	data, err := json.Marshal(map[string]string{"webhookId": w.ID, "text": "This is a test."})
	if err != nil { // strings
		panic(err)
	}
	e := store.Event{ID: service.NewID("evt_"), SessionID: w.SessionID, Name: EventTest, Timestamp: service.Now(), Data: data}
	bodies, err := h.Courier.render(ctx, w, e)
	if err != nil {
		return store.Delivery{}, fmt.Errorf("test webhook: %w", err)
	}
	o := h.Courier.sender.send(ctx, webhookRequest{hook: w, event: e.ID, attempt: 1, body: bodies[0]})
	d := store.Delivery{
		ID: service.NewID("dlv_"), WebhookID: w.ID, SessionID: w.SessionID, EventID: e.ID, Event: e.Name, Attempt: 1, Status: store.DeliveryDelivered,
		ResponseStatus: o.status, Error: o.fault, Duration: o.took, At: o.at, Since: o.at,
	}
	if !o.delivered() {
		d.Status = store.DeliveryFailed
	}
	return d, nil
}

// Deliveries lists what became of events, newest first, with one status or with an empty one all.
func (h *Webhooks) Deliveries(ctx context.Context, who service.Caller, id, status string, p store.Page) ([]store.Delivery, string, error) {
	if _, err := h.Get(ctx, who, id); err != nil {
		return nil, "", err
	}
	list, next, err := h.Store.Deliveries().List(ctx, store.DeliveryQuery{Webhook: id, Status: status, Page: p})
	if err != nil {
		return nil, "", fmt.Errorf("list deliveries: %w", err)
	}
	return list, next, nil
}

// Retry tries a delivery again at once, whatever came of it, and again for as long as any
// other. One that waits keeps its place in its chat; others are marked as replays.
func (h *Webhooks) Retry(ctx context.Context, who service.Caller, id, delivery string) (store.Delivery, error) {
	if _, err := h.Get(ctx, who, id); err != nil {
		return store.Delivery{}, err
	}
	d, err := h.Store.Deliveries().Get(ctx, id, delivery)
	if err != nil {
		return store.Delivery{}, fmt.Errorf("get delivery: %w", err)
	}
	wasWaiting := d.Status == store.DeliveryPending
	d, cursor := consumer.Retry(d, service.NewID)
	p := store.DeliveryProgress{Cursors: []store.WebhookCursor{cursor}}
	if !wasWaiting {
		p.Deliveries = []store.Delivery{d}
	}
	if err := h.Store.Deliveries().Keep(ctx, p); err != nil {
		return store.Delivery{}, fmt.Errorf("retry delivery: %w", err)
	}
	h.Courier.pool.Replay(cursor)
	return d, nil
}
