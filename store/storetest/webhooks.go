package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"whatsapp-api/store"
)

func aWebhook(id, owner, session string) store.Webhook {
	return store.Webhook{
		ID: id, OwnerID: owner, SessionID: session, URL: "https://example.org/" + id, Events: []string{"new_messages", "qr_code"},
		Filters: store.WebhookFilters{Chats: []string{"c"}, Senders: []string{"p", "q"}, Types: []string{"text"}, FromMe: ptr(false), Groups: ptr(true)},
		Headers: map[string]string{"X-A.b": "1", "X-C": ""}, Format: "native", State: store.WebhookActive, Reason: "none",
		Secrets:  []store.WebhookSecret{{Value: "new"}, {Value: "old", Until: at(90)}},
		RetryFor: 72 * time.Hour, Timeout: 1500 * time.Millisecond, OnRefusal: store.RefusalDead, CreatedAt: at(0), UpdatedAt: at(1),
	}
}

// hook keeps a webhook that must be good.
func (k *kit) hook(id, owner, session string, begin ...store.WebhookCursor) {
	k.Helper()
	k.NoError(k.st.Webhooks().Create(k.ctx, aWebhook(id, owner, session), begin))
}

func hookIDs(k *kit, q store.WebhookQuery) []string {
	k.Helper()
	names := []string{}
	for _, w := range pages(k, 2, func(p store.Page) ([]store.Webhook, string, error) {
		q.Page = p
		return k.st.Webhooks().List(k.ctx, q)
	}) {
		names = append(names, w.ID)
	}
	return names
}

var webhookCases = []testCase{
	{"missing", func(k *kit) {
		_, err := k.st.Webhooks().Get(k.ctx, "none")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Webhooks().Update(k.ctx, "none", func(*store.Webhook) error { return nil })
		k.ErrorIs(err, store.ErrNotFound)
		k.ErrorIs(k.st.Webhooks().Delete(k.ctx, "none"), store.ErrNotFound)
		k.Empty(hookIDs(k, store.WebhookQuery{}))
	}},
	{"comes back as it was", func(k *kit) {
		k.hook("w", "ann", "s")
		got, err := k.st.Webhooks().Get(k.ctx, "w")
		k.NoError(err)
		want := aWebhook("w", "ann", "s")
		k.Equal(want.Secrets[1].Until, got.Secrets[1].Until)
		k.True(got.Secrets[0].Until.IsZero())
		k.Equal(want, got)
		bare := store.Webhook{ID: "bare", CreatedAt: at(0), UpdatedAt: at(0)}
		k.NoError(k.st.Webhooks().Create(k.ctx, bare, nil))
		got, err = k.st.Webhooks().Get(k.ctx, "bare")
		k.NoError(err)
		k.Equal(bare, got)
		k.ErrorIs(k.st.Webhooks().Create(k.ctx, bare, nil), store.ErrExists)
	}},
	{"strange strings", func(k *kit) {
		for i, s := range strange {
			w := aWebhook(fmt.Sprint(i, s), s, s)
			w.URL, w.Reason, w.Format = s, s, s
			k.NoError(k.st.Webhooks().Create(k.ctx, w, nil))
			got, err := k.st.Webhooks().Get(k.ctx, w.ID)
			k.NoError(err)
			k.Equal(w, got)
		}
		k.Len(hookIDs(k, store.WebhookQuery{}), len(strange))
	}},
	{"update", func(k *kit) {
		k.hook("w", "ann", "")
		got, err := k.st.Webhooks().Update(k.ctx, "w", func(w *store.Webhook) error {
			w.ID, w.State, w.Reason, w.Headers, w.Events, w.OnRefusal = "ignored", store.WebhookPaused, "gone", nil, nil, store.RefusalRetry
			return nil
		})
		k.NoError(err)
		want := aWebhook("w", "ann", "")
		want.State, want.Reason, want.Headers, want.Events, want.OnRefusal = store.WebhookPaused, "gone", nil, nil, store.RefusalRetry
		k.Equal(want, got)
		own := errors.New("own")
		_, err = k.st.Webhooks().Update(k.ctx, "w", func(w *store.Webhook) error { w.URL = "x"; return own })
		k.ErrorIs(err, own)
		got, err = k.st.Webhooks().Get(k.ctx, "w")
		k.NoError(err)
		k.Equal(want, got)
	}},
	{"no update is lost", func(k *kit) {
		w := aWebhook("w", "ann", "")
		w.Reason = ""
		k.NoError(k.st.Webhooks().Create(k.ctx, w, nil))
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 5 {
					_, err := k.st.Webhooks().Update(k.ctx, "w", func(w *store.Webhook) error { w.Reason += "x"; return nil })
					k.NoError(err)
				}
			})
		}
		wg.Wait()
		got, err := k.st.Webhooks().Get(k.ctx, "w")
		k.NoError(err)
		k.Len(got.Reason, 30)
	}},
	{"list", func(k *kit) {
		for i := range 9 {
			k.hook(fmt.Sprint("w", i), []string{"ann", "bob"}[i%2], []string{"", "s", "t"}[i%3])
		}
		k.Len(hookIDs(k, store.WebhookQuery{}), 9)
		k.Equal([]string{"w1", "w3", "w5", "w7"}, hookIDs(k, store.WebhookQuery{Owner: "bob"}))
		k.Equal([]string{"w1", "w4", "w7"}, hookIDs(k, store.WebhookQuery{Session: "s"}))
		k.Equal([]string{"w4"}, hookIDs(k, store.WebhookQuery{Session: "s", Owner: "ann"}))
		refuses(k, func(p store.Page) ([]store.Webhook, string, error) {
			return k.st.Webhooks().List(k.ctx, store.WebhookQuery{Page: p})
		})
	}},
	{"delete takes its deliveries and cursors", func(k *kit) {
		k.session("s")
		for _, id := range []string{"w", "w2"} {
			k.hook(id, "ann", "", store.WebhookCursor{WebhookID: id, SessionID: "s", Seq: 1})
			k.keep(store.DeliveryProgress{Deliveries: someDeliveries(id, "s", 3)})
		}
		k.NoError(k.st.Webhooks().Delete(k.ctx, "w"))
		k.Empty(k.deliveryIDs(store.DeliveryQuery{Webhook: "w"}))
		k.Empty(k.cursors("w"))
		k.Len(k.deliveryIDs(store.DeliveryQuery{Webhook: "w2"}), 3)
		k.Len(k.cursors("w2"), 1)
		k.keep(store.DeliveryProgress{Deliveries: someDeliveries("w", "s", 2), Cursors: []store.WebhookCursor{{WebhookID: "w", SessionID: "s"}}})
		k.Empty(k.deliveryIDs(store.DeliveryQuery{Webhook: "w"}), "what belongs to none is left out")
		k.Empty(k.cursors("w"))
	}},
	{"goes with its session", func(k *kit) {
		k.session("s")
		k.session("t")
		k.hook("own", "ann", "s")
		k.hook("all", "ann", "")
		for _, s := range []string{"s", "t"} {
			k.keep(store.DeliveryProgress{Deliveries: someDeliveries("all", s, 2), Cursors: []store.WebhookCursor{{WebhookID: "all", SessionID: s, Seq: 2}}})
		}
		k.keep(store.DeliveryProgress{Deliveries: someDeliveries("own", "s", 2)})
		k.NoError(k.st.Sessions().Delete(k.ctx, "s"))
		k.Equal([]string{"all"}, hookIDs(k, store.WebhookQuery{}))
		k.Empty(k.deliveryIDs(store.DeliveryQuery{Webhook: "own"}))
		k.Len(k.deliveryIDs(store.DeliveryQuery{Webhook: "all"}), 2)
		k.Len(k.cursors("all"), 1)
		k.keep(store.DeliveryProgress{Cursors: []store.WebhookCursor{{WebhookID: "all", SessionID: "s", Seq: 9}}})
		k.Len(k.cursors("all"), 1, "a session that is gone gets no cursor")
	}},
	{"goes with its owner", func(k *kit) {
		k.session("s")
		k.NoError(k.st.Users().Create(k.ctx, aUser("ann")))
		k.hook("w", "ann", "s", store.WebhookCursor{WebhookID: "w", SessionID: "s"})
		k.hook("x", "bob", "s")
		k.keep(store.DeliveryProgress{Deliveries: someDeliveries("w", "s", 2)})
		k.NoError(k.st.Users().Delete(k.ctx, "ann"))
		k.Equal([]string{"x"}, hookIDs(k, store.WebhookQuery{}))
		k.Empty(k.deliveryIDs(store.DeliveryQuery{Webhook: "w"}))
		k.Empty(k.cursors("w"))
	}},
}
