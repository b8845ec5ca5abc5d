package mongo

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
)

// lapseDuty has the lease of a duty run out.
func lapseDuty(t *testing.T, s *Store, name string) {
	t.Helper()
	_, err := s.col.duties.UpdateByID(t.Context(), name, bson.D{{Key: "$set", Value: bson.D{{Key: "lease.until", Value: time.Now().Add(-time.Hour)}}}})
	require.NoError(t, err)
}

// TestTwoHolders has a duty go from one process to another: what the first still writes changes nothing,
// not even by a write that began before it went.
func TestTwoHolders(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		a, b := openIdle(t, uri), openIdle(t, uri)
		ctx := t.Context()
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
		require.NoError(t, a.Webhooks().Create(ctx, store.Webhook{ID: "w"}, []store.WebhookCursor{{WebhookID: "w", SessionID: "s"}}))
		first, err := a.Duties().Take(ctx, store.DutyWebhooks)
		require.NoError(t, err)
		var elsewhere *store.OwnedElsewhere
		_, err = b.Duties().Take(ctx, store.DutyWebhooks)
		require.ErrorAs(t, err, &elsewhere)
		require.Equal(t, a.name, elsewhere.Owner)
		delivery := func(id, status string) []store.Delivery {
			return []store.Delivery{{ID: id, WebhookID: "w", SessionID: "s", Seq: 1, Status: status}}
		}
		keep := func(s *Store, by *store.Duty, id, status string, seq int64) error {
			return s.Deliveries().Keep(ctx, store.DeliveryProgress{
				By: by, Deliveries: delivery(id, status), Cursors: []store.WebhookCursor{{WebhookID: "w", SessionID: "s", Seq: seq}},
			})
		}
		require.NoError(t, keep(a, first, "d", store.DeliveryFailed, 1))
		lapseDuty(t, a, store.DutyWebhooks)
		second, err := b.Duties().Take(ctx, store.DutyWebhooks)
		require.NoError(t, err)
		require.Greater(t, second.Epoch, first.Epoch)
		require.ErrorIs(t, keep(a, first, "d", store.DeliveryDead, 9), store.ErrFenced)
		require.NoError(t, b.Deliveries().Claim(ctx, "w", second))
		require.ErrorIs(t, a.Deliveries().Claim(ctx, "w", first), store.ErrFenced)

		// The writes themselves, as when the first was paused after its look at the duty.
		late := newDeliveryDoc(delivery("d", store.DeliveryDead)[0])
		late.Epoch = first.Epoch
		require.ErrorIs(t, fencedBulk(ctx, a.col.deliveries, []mongo.WriteModel{onDutyWrite(late.Key, late, first)}), store.ErrFenced)
		require.ErrorIs(t, a.keepCursors(ctx, []store.WebhookCursor{{WebhookID: "w", SessionID: "s", Seq: 9}}, first), store.ErrFenced)
		d, err := b.Deliveries().Get(ctx, "w", "d")
		require.NoError(t, err)
		require.Equal(t, store.DeliveryFailed, d.Status)
		cursors, err := b.Deliveries().Cursors(ctx, "w")
		require.NoError(t, err)
		require.Equal(t, int64(1), cursors[0].Seq)

		require.NoError(t, a.renewDuties(ctx))
		<-first.Lost()
		require.NoError(t, keep(a, nil, "d", store.DeliveryFailed, 1), "who asks for deliveries may be anybody")
		require.ErrorIs(t, fencedBulk(ctx, a.col.deliveries, []mongo.WriteModel{onDutyWrite(late.Key, late, first)}), store.ErrFenced, "and the holder has it still")
		require.NoError(t, keep(b, second, "d", store.DeliveryDelivered, 2))
	})
}

// TestDutyThatCannotBeRenewed ends for its holder when its time is over, whoever else wants it.
func TestDutyThatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	s := openPaced(t, mongotest.Lone(t), pace{time.Hour, time.Hour, 300 * time.Millisecond})
	d, err := s.Duties().Take(t.Context(), "d")
	require.NoError(t, err)
	time.Sleep(600 * time.Millisecond) // it is renewed meanwhile
	require.True(t, d.Held())
	s.duties.drop(d) // not any more
	<-d.Lost()
	require.False(t, d.Held())
}

// TestChangesOfOthers are told of: all that another process may remember.
func TestChangesOfOthers(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	a, b := openIdle(t, uri), openIdle(t, uri)
	ctx, cancel := context.WithCancel(t.Context())
	told, done := make(chan store.Topic, 100), make(chan struct{})
	require.NoError(t, a.Users().Create(ctx, store.User{ID: "u"}))
	require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
	require.NoError(t, a.Webhooks().Create(ctx, store.Webhook{ID: "w"}, nil))
	require.NoError(t, a.Tokens().Create(ctx, store.Token{ID: "t", UserID: "u"}))
	require.NoError(t, a.APIKeys().Create(ctx, store.APIKey{ID: "k", OwnerID: "u", Hash: []byte("h")}))
	go func() {
		defer close(done)
		b.Changes().Watch(ctx, func(topic store.Topic) { told <- topic })
	}()
	const begun = store.Topic("begun")
	for watching := false; !watching; {
		a.changed(ctx, begun)
		select {
		case <-told:
			watching = true
		case <-time.After(changesEvery):
		}
	}
	next := func(what string) store.Topic {
		for {
			select {
			case topic := <-told:
				if topic != begun {
					return topic
				}
			case <-time.After(time.Minute):
				t.Fatalf("%s: not told of", what)
			}
		}
	}
	for _, c := range []struct {
		what  string
		topic store.Topic
		do    func() error
	}{
		{"user", store.TopicAccess, func() error {
			_, err := a.Users().Update(ctx, "u", func(u *store.User) error { u.Active = true; return nil })
			return err
		}},
		{"token", store.TopicAccess, func() error { return a.Tokens().Delete(ctx, "t") }},
		{"tokens of a user", store.TopicAccess, func() error { return a.Tokens().DeleteOf(ctx, "u", "") }},
		{"key", store.TopicAccess, func() error {
			_, err := a.APIKeys().Update(ctx, "k", func(k *store.APIKey) error { k.Name = "x"; return nil })
			return err
		}},
		{"key that goes", store.TopicAccess, func() error { return a.APIKeys().Delete(ctx, "k") }},
		{"keys of a user", store.TopicAccess, func() error { return a.APIKeys().DeleteOf(ctx, "u") }},
		{"webhook", store.TopicWebhooks, func() error {
			_, err := a.Webhooks().Update(ctx, "w", func(w *store.Webhook) error { w.State = store.WebhookPaused; return nil })
			return err
		}},
		{"retry", store.TopicDeliveries, func() error {
			return a.Deliveries().Keep(ctx, store.DeliveryProgress{Cursors: []store.WebhookCursor{{WebhookID: "w", SessionID: "s", Replay: "r"}}})
		}},
		{"webhook that goes", store.TopicWebhooks, func() error { return a.Webhooks().Delete(ctx, "w") }},
		{"session", store.TopicSessions, func() error { return a.Sessions().Create(ctx, store.Session{ID: "s2"}) }},
		{"session that goes", store.TopicSessions, func() error { return a.Sessions().Delete(ctx, "s2") }},
		{"user that goes", store.TopicAccess, func() error { return a.Users().Delete(ctx, "u") }},
	} {
		require.NoError(t, c.do(), c.what)
		require.Equal(t, c.topic, next(c.what), c.what)
	}
	cancel()
	<-done
}

// TestHolderTakesIn has one process wait until the other has done as it wants.
func TestHolderTakesIn(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	a, b := openIdle(t, uri), openIdle(t, uri)
	ctx := t.Context()
	d, err := a.Duties().Take(ctx, "d")
	require.NoError(t, err)
	require.NoError(t, b.Webhooks().Create(ctx, store.Webhook{ID: "w"}, nil))
	mark, err := b.Changes().Mark(ctx)
	require.NoError(t, err)
	require.Positive(t, mark)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.Changes().Await(short, "d", mark), context.DeadlineExceeded)
	waited := make(chan error, 1)
	go func() { waited <- b.Changes().Await(ctx, "d", mark) }()
	require.NoError(t, a.Changes().TakenIn(ctx, d, mark))
	require.NoError(t, <-waited)
	require.NoError(t, b.Changes().Await(ctx, "d", mark-1))
	lapseDuty(t, a, "d")
	require.NoError(t, b.Changes().Await(ctx, "d", mark+1), "nobody holds it")
	_, err = b.Duties().Take(ctx, "d")
	require.NoError(t, err)
	require.ErrorIs(t, a.Changes().TakenIn(ctx, d, mark+1), store.ErrFenced)
}
