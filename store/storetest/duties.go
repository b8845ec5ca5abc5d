package storetest

import (
	"context"
	"time"

	"whatsapp-api/store"
)

// duty takes a duty that nobody else has.
func (k *kit) duty(name string) *store.Duty {
	k.Helper()
	d, err := k.st.Duties().Take(k.ctx, name)
	k.NoError(err)
	k.True(d.Held())
	return d
}

var dutyCases = []testCase{
	{"a duty is taken once, and given back", func(k *kit) {
		first := k.duty("a")
		k.Equal("a", first.Name)
		k.Same(first, k.duty("a"), "it is held already")
		other := k.duty("b")
		k.NoError(k.st.Duties().GiveBack(k.ctx, first))
		<-first.Lost()
		k.False(first.Held())
		k.NoError(k.st.Duties().GiveBack(k.ctx, first), "twice is once")
		second := k.duty("a")
		k.Greater(second.Epoch, first.Epoch)
		k.NoError(k.st.Duties().GiveBack(k.ctx, first))
		k.True(second.Held(), "an old one is not that of now")
		k.True(other.Held())
	}},
	{"a duty is free when the store was closed", func(k *kit) {
		k.duty("a")
		k.reopen()
		k.duty("a")
	}},
	{"who has given a duty back writes no progress any more", func(k *kit) {
		k.session("s")
		k.hook("w", "ann", "")
		d := k.duty(store.DutyWebhooks)
		k.NoError(k.st.Deliveries().Claim(k.ctx, "w", d))
		progress := func(seq int64, by *store.Duty) error {
			return k.st.Deliveries().Keep(k.ctx, store.DeliveryProgress{
				By: by, Deliveries: someDeliveries("w", "s", int(seq)), Cursors: []store.WebhookCursor{{WebhookID: "w", SessionID: "s", Seq: seq}},
			})
		}
		k.NoError(progress(1, d))
		k.NoError(progress(2, nil))
		k.NoError(progress(3, d))
		k.NoError(k.st.Duties().GiveBack(k.ctx, d))
		k.ErrorIs(progress(4, d), store.ErrFenced)
		k.Len(k.deliveryIDs(store.DeliveryQuery{Webhook: "w"}), 3)
		k.Equal(int64(3), k.cursors("w")[0].Seq)
		k.NoError(progress(4, k.duty(store.DutyWebhooks)))
		k.Equal(int64(4), k.cursors("w")[0].Seq)
	}},
}

var changeCases = []testCase{
	{"watching ends with its context", func(k *kit) {
		ctx, cancel := context.WithCancel(k.ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			k.st.Changes().Watch(ctx, func(store.Topic) {})
		}()
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
			k.Fail("it goes on")
		}
	}},
	{"nobody waits for himself, nor for nobody", func(k *kit) {
		mark, err := k.st.Changes().Mark(k.ctx)
		k.NoError(err)
		k.hook("w", "ann", "")
		k.NoError(k.st.Changes().Await(k.ctx, store.DutyWebhooks, mark+1))
		d := k.duty(store.DutyWebhooks)
		k.NoError(k.st.Changes().Await(k.ctx, store.DutyWebhooks, mark+1))
		k.NoError(k.st.Changes().TakenIn(k.ctx, d, mark+1))
	}},
}
