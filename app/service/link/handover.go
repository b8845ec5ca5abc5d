package link

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Handover gives a session to another user, with everything that hangs on it.
type Handover struct {
	Store    store.Store
	Events   *events.Log
	Courier  Courier
	Keys     interface{ Changed() }                     // forgets what is remembered of API keys
	Sessions interface{ Changed(now ...store.Session) } // forgets what is remembered of sessions' owners
	Log      *zap.Logger
}

// Courier is who delivers to webhooks, as far as a handover has to do with that.
type Courier interface {
	Halt(ctx context.Context, webhook string) // ends deliveries to a webhook, which may begin anew
	Changed()                                 // makes it look at what webhooks there are
}

// handoverPage is how many records are read at once: webhooks, of which one owner has fewer, or keys.
const handoverPage = 200

// Do makes a user the owner of a session. The session's own webhooks become his. His webhooks for all of
// his sessions get its events from now on, those of the owner before get no more. Of the API keys of the
// owner before, those for this session alone become the new owner's, unless that made a key an admin's;
// the others can no longer touch it. It may be repeated when it fails in the middle. service.ErrForbidden for who
// is no admin; service.Invalid where there is no such user.
func (h *Handover) Do(ctx context.Context, who service.Caller, s store.Session, owner string) (store.Session, error) {
	if !who.Admin() {
		return store.Session{}, service.ErrForbidden
	}
	u, err := h.Store.Users().Get(ctx, owner)
	if errors.Is(err, store.ErrNotFound) {
		return store.Session{}, service.Invalid{"ownerId": "there is no such user"}
	}
	if err != nil {
		return store.Session{}, fmt.Errorf("hand over session: %w", err)
	}
	if err := h.beginWebhooks(ctx, s, owner); err != nil {
		return store.Session{}, fmt.Errorf("hand over session: %w", err)
	}
	before := s.OwnerID
	if before != owner { // first, so that a repetition still knows whose they were
		if err := h.moveKeys(ctx, s.ID, before, u); err != nil {
			return store.Session{}, fmt.Errorf("hand over session: %w", err)
		}
	}
	now, err := h.Store.Sessions().Update(ctx, s.ID, func(s *store.Session) error {
		s.OwnerID, s.UpdatedAt = owner, service.Now()
		return nil
	})
	if err != nil {
		h.Sessions.Changed() // perhaps it was
	} else {
		h.Sessions.Changed(now)
		err = h.moveWebhooks(ctx, s.ID, before, owner)
	}
	if err != nil {
		return store.Session{}, fmt.Errorf("hand over session: %w", err)
	}
	h.Log.Info("session handed over", zap.String("session", s.ID), zap.String("from", before), zap.String("user", owner))
	return now, nil
}

// beginWebhooks lets the new owner's webhooks for all of his sessions begin at the end of this one's
// log, not with what happened while it was somebody else's.
func (h *Handover) beginWebhooks(ctx context.Context, s store.Session, owner string) error {
	if s.OwnerID == owner {
		return nil
	}
	_, newest, err := h.Events.Bounds(ctx, s.ID)
	if err != nil {
		return err
	}
	return h.eachWebhook(ctx, owner, func(w store.Webhook) error {
		if w.SessionID != "" {
			return nil
		}
		begin := store.WebhookCursor{WebhookID: w.ID, SessionID: s.ID, Seq: newest}
		if err := h.Store.Deliveries().Keep(ctx, store.DeliveryProgress{Cursors: []store.WebhookCursor{begin}}); err != nil {
			return err
		}
		h.Courier.Halt(ctx, w.ID) // it is started anew, from there
		return nil
	})
}

// moveWebhooks gives the session's own webhooks to the new owner, and stops what the owner before was
// still sent.
func (h *Handover) moveWebhooks(ctx context.Context, session, before, owner string) error {
	defer h.Courier.Changed()
	own, _, err := h.Store.Webhooks().List(ctx, store.WebhookQuery{Session: session, Page: store.Page{Limit: handoverPage}})
	if err != nil {
		return err
	}
	for _, w := range own {
		// Whoever is no admin and has a webhook of the session has had the session: perhaps before a try
		// that failed in the middle.
		u, err := h.Store.Users().Get(ctx, w.OwnerID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if w.OwnerID != before && (err != nil || u.Role == store.RoleAdmin) {
			continue
		}
		if _, err := h.Store.Webhooks().Update(ctx, w.ID, func(w *store.Webhook) error {
			w.OwnerID, w.UpdatedAt = owner, service.Now()
			return nil
		}); err != nil {
			return err
		}
	}
	return h.eachWebhook(ctx, before, func(w store.Webhook) error {
		if w.SessionID == "" && before != owner {
			h.Courier.Halt(ctx, w.ID)
		}
		return nil
	})
}

func (h *Handover) eachWebhook(ctx context.Context, owner string, fn func(store.Webhook) error) error {
	list, _, err := h.Store.Webhooks().List(ctx, store.WebhookQuery{Owner: owner, Page: store.Page{Limit: handoverPage}})
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := fn(w); err != nil {
			return err
		}
	}
	return nil
}

// moveKeys gives the keys that are for this session alone to the new owner. A key of a user does not
// become an admin's: whoever holds it could do more than before.
func (h *Handover) moveKeys(ctx context.Context, session, before string, owner store.User) error {
	defer h.Keys.Changed()
	if owner.Role == store.RoleAdmin {
		if u, err := h.Store.Users().Get(ctx, before); err != nil || u.Role != store.RoleAdmin {
			if errors.Is(err, store.ErrNotFound) { // his keys have gone with him
				err = nil
			}
			return err
		}
	}
	for cursor := ""; ; {
		list, next, err := h.Store.APIKeys().List(ctx, before, store.Page{Cursor: cursor, Limit: handoverPage})
		if err != nil {
			return err
		}
		for _, k := range list {
			if !slices.Equal(k.Sessions, []string{session}) {
				continue
			}
			if _, err := h.Store.APIKeys().Update(ctx, k.ID, func(k *store.APIKey) error {
				k.OwnerID = owner.ID
				return nil
			}); err != nil {
				return err
			}
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}
