package storetest

import (
	"fmt"
	"time"

	"whatsapp-api/store"
)

func aDelivery(webhook, session string, n int) store.Delivery {
	return store.Delivery{
		ID: fmt.Sprintf("dlv-%s-%03d", session, n), WebhookID: webhook, SessionID: session, EventID: fmt.Sprint("event-", n), Seq: int64(n),
		Event: "new_messages", Chat: "c", Replay: n%2 == 0, Attempt: n, Done: n % 3, Status: store.DeliveryFailed, ResponseStatus: 500,
		Error: "answered 500", Duration: 1234 * time.Microsecond, At: at(n), NextAttemptAt: at(n + 1), Since: at(n),
	}
}

func someDeliveries(webhook, session string, n int) (list []store.Delivery) {
	for i := range n {
		list = append(list, aDelivery(webhook, session, i+1))
	}
	return list
}

func (k *kit) keep(p store.DeliveryProgress) {
	k.Helper()
	k.NoError(k.st.Deliveries().Keep(k.ctx, p))
}

func (k *kit) cursors(webhook string) []store.WebhookCursor {
	k.Helper()
	list, err := k.st.Deliveries().Cursors(k.ctx, webhook)
	k.NoError(err)
	return list
}

func (k *kit) deliveryIDs(q store.DeliveryQuery) []string {
	k.Helper()
	names := []string{}
	for _, d := range pages(k, 2, func(p store.Page) ([]store.Delivery, string, error) {
		q.Page = p
		return k.st.Deliveries().List(k.ctx, q)
	}) {
		names = append(names, d.ID)
	}
	return names
}

var deliveryCases = []testCase{
	{"missing", func(k *kit) {
		_, err := k.st.Deliveries().Get(k.ctx, "w", "none")
		k.ErrorIs(err, store.ErrNotFound)
		k.Empty(k.deliveryIDs(store.DeliveryQuery{Webhook: "w"}))
		k.Empty(k.cursors("w"))
		k.keep(store.DeliveryProgress{})
	}},
	{"comes back as it was, and changes", func(k *kit) {
		k.session("s")
		k.hook("w", "ann", "")
		k.hook("v", "ann", "")
		d := aDelivery("w", "s", 1)
		other := aDelivery("v", "s", 1)
		k.keep(store.DeliveryProgress{Deliveries: []store.Delivery{d, other}})
		got, err := k.st.Deliveries().Get(k.ctx, "w", d.ID)
		k.NoError(err)
		k.Equal(d, got)
		d.Status, d.Attempt, d.NextAttemptAt, d.Error, d.ResponseStatus, d.At = store.DeliveryDelivered, 7, time.Time{}, "", 204, at(50)
		k.keep(store.DeliveryProgress{Deliveries: []store.Delivery{d}})
		got, err = k.st.Deliveries().Get(k.ctx, "w", d.ID)
		k.NoError(err)
		k.True(got.NextAttemptAt.IsZero())
		k.Equal(d, got)
		got, err = k.st.Deliveries().Get(k.ctx, "v", d.ID)
		k.NoError(err)
		k.Equal(other, got, "the id is one of its webhook's")
	}},
	{"strange strings", func(k *kit) {
		for i, s := range strange {
			session := fmt.Sprint("s", s)
			k.session(session)
			w := aWebhook(fmt.Sprint("w", s), "ann", "")
			k.NoError(k.st.Webhooks().Create(k.ctx, w, nil))
			d := aDelivery(w.ID, session, i)
			d.ID, d.EventID, d.Event, d.Chat, d.Error = "d"+s, s, s, s, s
			c := store.WebhookCursor{WebhookID: w.ID, SessionID: session, Replay: s, Seq: 3}
			k.keep(store.DeliveryProgress{Deliveries: []store.Delivery{d}, Cursors: []store.WebhookCursor{c}})
			got, err := k.st.Deliveries().Get(k.ctx, w.ID, d.ID)
			k.NoError(err)
			k.Equal(d, got)
			k.Equal([]store.WebhookCursor{c}, k.cursors(w.ID))
			k.Equal([]string{d.ID}, k.deliveryIDs(store.DeliveryQuery{Webhook: w.ID}))
		}
	}},
	{"list", func(k *kit) {
		k.session("s")
		k.hook("w", "ann", "")
		k.hook("w2", "ann", "")
		list := someDeliveries("w", "s", 7)
		for i := range list {
			if i%3 == 0 {
				list[i].Status = store.DeliveryDead
			}
		}
		k.keep(store.DeliveryProgress{Deliveries: list})
		k.keep(store.DeliveryProgress{Deliveries: someDeliveries("w2", "s", 2)})
		name := func(n int) string { return list[n-1].ID }
		k.Equal([]string{name(7), name(6), name(5), name(4), name(3), name(2), name(1)}, k.deliveryIDs(store.DeliveryQuery{Webhook: "w"}))
		k.Equal([]string{name(1), name(2), name(3), name(4), name(5), name(6), name(7)}, k.deliveryIDs(store.DeliveryQuery{Webhook: "w", Oldest: true}))
		k.Equal([]string{name(7), name(4), name(1)}, k.deliveryIDs(store.DeliveryQuery{Webhook: "w", Status: store.DeliveryDead}))
		k.Equal([]string{name(1), name(4), name(7)}, k.deliveryIDs(store.DeliveryQuery{Webhook: "w", Status: store.DeliveryDead, Oldest: true}))
		k.Empty(k.deliveryIDs(store.DeliveryQuery{Webhook: "w", Status: store.DeliveryDelivered}))
		refuses(k, func(p store.Page) ([]store.Delivery, string, error) {
			return k.st.Deliveries().List(k.ctx, store.DeliveryQuery{Webhook: "w", Page: p})
		})
	}},
	{"waiting", func(k *kit) {
		k.session("s")
		k.session("t")
		k.hook("w", "ann", "")
		k.hook("w2", "ann", "")
		list := someDeliveries("w", "s", 6)
		for i, status := range []string{store.DeliveryDead, store.DeliveryPending, store.DeliveryDelivered, store.DeliveryPending} {
			list[i].Status = status
		}
		k.keep(store.DeliveryProgress{Deliveries: append(list, aDelivery("w", "t", 1), aDelivery("w2", "s", 1))})
		count := func(want int64, webhook string, passed map[string]int64) {
			k.Helper()
			got, err := k.st.Deliveries().Waiting(k.ctx, webhook, passed)
			k.NoError(err)
			k.Equal(want, got)
		}
		count(5, "w", map[string]int64{"s": 9, "t": 9})
		count(4, "w", map[string]int64{"s": 5})
		count(3, "w", map[string]int64{"s": 4, "another": 9}) // replays, wherever
		count(1, "w", map[string]int64{"t": 1})
		count(0, "w", map[string]int64{"t": 0})
		count(0, "w", nil)
		count(0, "none", map[string]int64{"s": 9})
	}},
	{"lanes", func(k *kit) {
		k.session("s")
		k.session("t")
		k.hook("w", "ann", "")
		k.hook("w2", "ann", "")
		var list []store.Delivery
		for i, d := range someDeliveries("w", "s", 40) {
			d.ID, d.Seq = fmt.Sprintf("dlv-%02d", (i*7)%40), int64(i/2) // ids are in no order
			d.Chat, d.Replay = []string{"c", "d"}[i%2], i%8 > 3
			d.Status = []string{store.DeliveryPending, store.DeliveryFailed, store.DeliveryDelivered, store.DeliveryPending}[i/8%4]
			list = append(list, d)
		}
		k.keep(store.DeliveryProgress{Deliveries: append(list, aDelivery("w", "t", 1), aDelivery("w2", "s", 1))})
		for _, lane := range []store.DeliveryLane{
			{Webhook: "w", Session: "s", Chat: "c"},
			{Webhook: "w", Session: "s", Chat: "d"},
			{Webhook: "w", Session: "s", Chat: "d", Replay: true},
			{Webhook: "w", Session: "t", Chat: "c"},
			{Webhook: "w", Session: "t", Chat: "none"},
		} {
			var want []store.Delivery
			for _, d := range append(list, aDelivery("w", "t", 1)) {
				if d.SessionID == lane.Session && d.Chat == lane.Chat && d.Replay == lane.Replay && d.Status != store.DeliveryDelivered {
					want = append(want, d)
				}
			}
			got, err := k.st.Deliveries().Lane(k.ctx, lane, 100)
			k.NoError(err)
			k.Equal(want, got)
			n, err := k.st.Deliveries().CountLane(k.ctx, lane)
			k.NoError(err)
			k.Len(want, int(n))
			got, err = k.st.Deliveries().Lane(k.ctx, lane, 2)
			k.NoError(err)
			k.Equal(want[:min(2, len(want))], got)
		}
	}},
	{"cursors", func(k *kit) {
		k.session("s")
		k.session("t")
		k.hook("w", "ann", "", store.WebhookCursor{WebhookID: "w", SessionID: "t", Seq: 5})
		replay := store.WebhookCursor{WebhookID: "w", SessionID: "s", Replay: "r", Seq: 2, Until: 9, From: at(1), To: at(2), Failed: true}
		live := store.WebhookCursor{WebhookID: "w", SessionID: "s", Seq: 7}
		k.keep(store.DeliveryProgress{Cursors: []store.WebhookCursor{replay, live}})
		t := store.WebhookCursor{WebhookID: "w", SessionID: "t", Seq: 5}
		k.Equal([]store.WebhookCursor{live, replay, t}, k.cursors("w"))
		replays, err := k.st.Deliveries().Replays(k.ctx)
		k.NoError(err)
		k.Equal([]store.WebhookCursor{replay}, replays)
		live.Seq = 8
		k.keep(store.DeliveryProgress{Cursors: []store.WebhookCursor{live}, Ended: []store.WebhookCursor{replay}})
		k.Equal([]store.WebhookCursor{live, t}, k.cursors("w"))
		k.reopen()
		k.Equal([]store.WebhookCursor{live, t}, k.cursors("w"))
	}},
	{"prune", func(k *kit) {
		k.session("s")
		k.hook("w", "ann", "")
		k.hook("w2", "ann", "")
		list := someDeliveries("w", "s", 9)
		for i := range list {
			list[i].Status = store.DeliveryDelivered
		}
		list[1].Status = store.DeliveryDead
		k.keep(store.DeliveryProgress{Deliveries: list})
		k.keep(store.DeliveryProgress{Deliveries: someDeliveries("w2", "s", 2)})
		prune := func(before string, keep int) int {
			n, err := k.st.Deliveries().Prune(k.ctx, "w", store.DeliveryDelivered, before, keep)
			k.NoError(err)
			return n
		}
		k.Zero(prune("", 100))
		k.Equal(2, prune(list[3].ID, 100), "the dead one stays")
		k.Equal(4, prune("", 2))
		k.Equal([]string{list[8].ID, list[7].ID, list[1].ID}, k.deliveryIDs(store.DeliveryQuery{Webhook: "w"}))
		k.Len(k.deliveryIDs(store.DeliveryQuery{Webhook: "w2"}), 2)
		k.Equal(2, prune("z", 2))
		k.Zero(prune("z", 2))
	}},
}
