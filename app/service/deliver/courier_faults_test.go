package deliver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

func many(chats, each int) (texts []string) {
	for n := range each {
		for c := range chats {
			texts = append(texts, fmt.Sprintf("c%d/%d", c, n))
		}
	}
	return texts
}

func TestGonePauses(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	var back atomic.Bool
	r := newReceiver(t, func(http.ResponseWriter, got) int {
		if back.Load() {
			return 200
		}
		return 410
	})
	w := b.hook(r.URL, "s")
	b.say("s", "a/0", "a/1")
	b.eventually("it is paused", func() bool { return b.state(w.ID).State == store.WebhookPaused })
	require.Contains(t, b.state(w.ID).Reason, "gone")
	b.eventually("it is stopped", func() bool { return !b.runs(w.ID) })
	b.say("s", "a/2")
	back.Store(true)
	_, err := b.hooks.Resume(t.Context(), b.who, w.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"a/0", "a/1", "a/2"}, r.awaitTaken(3))
	require.Equal(t, "a/0", r.requests()[0].text)
}

func TestRetryAfterIsObeyed(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		value  func() string
	}{
		"seconds": {429, func() string { return "1" }},
		"date":    {503, func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, quick())
			b.session("s")
			var asked, next atomic.Int64
			r := newReceiver(t, func(w http.ResponseWriter, _ got) int {
				if asked.CompareAndSwap(0, time.Now().UnixMilli()) {
					w.Header().Set("Retry-After", c.value())
					return c.status
				}
				next.CompareAndSwap(0, time.Now().UnixMilli())
				return 200
			})
			w := b.hook(r.URL, "s")
			b.say("s", "a/0")
			b.eventually("it waits", func() bool { return len(b.deliveries(w.ID, store.DeliveryFailed)) == 1 })
			b.say("s", "b/0")
			r.awaitTaken(2)
			require.GreaterOrEqual(t, next.Load()-asked.Load(), int64(900), "nothing is sent meanwhile")
			require.Equal(t, store.WebhookActive, b.state(w.ID).State)
		})
	}
	require.Equal(t, maxRetryAfter, retryAfter("99999999", time.Now()))
	require.Zero(t, retryAfter("soon", time.Now()))
	require.Zero(t, retryAfter("-5", time.Now()))
}

func TestFailingEndpointIsTriedOneByOne(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	var back atomic.Bool
	var now, most atomic.Int32
	r := newReceiver(t, func(http.ResponseWriter, got) int {
		n := now.Add(1)
		defer now.Add(-1)
		if back.Load() {
			return 200
		}
		if most.Load() < n {
			most.Store(n)
		}
		return 500
	})
	w := b.hook(r.URL, "s")
	b.say("s", many(20, 2)...)
	b.eventually("it is failing", func() bool { return b.state(w.ID).State == store.WebhookFailing })
	require.Contains(t, b.state(w.ID).Reason, "answered 500")
	before := len(r.requests())
	most.Store(0)
	r.await(func(all []got, _ []string) bool { return len(all) >= before+20 })
	require.LessOrEqual(t, most.Load(), int32(1), "one at a time")
	tried := map[string]bool{}
	for _, g := range r.requests()[before:] {
		tried[g.text] = true
	}
	require.Greater(t, len(tried), 5, "of another chat each time")
	back.Store(true)
	inOrder(t, r.awaitTaken(40), 20, 2)
	b.eventually("it is active", func() bool { s := b.state(w.ID); return s.State == store.WebhookActive && s.Reason == "" })
}

func TestDeadLettersAndTheirReplay(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	var back atomic.Bool
	r := newReceiver(t, func(_ http.ResponseWriter, g got) int {
		if strings.HasSuffix(g.text, "/0") && !back.Load() {
			return 400
		}
		return 200
	})
	life := time.Second // more than one attempt takes on a busy machine
	w := b.hook(r.URL, "s", func(s *WebhookSpec) { s.RetryFor = &life })
	b.say("s", "a/0", "a/1", "b/0", "b/1")
	require.ElementsMatch(t, []string{"a/1", "b/1"}, r.awaitTaken(2), "the chat goes on")
	b.eventually("two are dead", func() bool { return len(b.deliveries(w.ID, store.DeliveryDead)) == 2 })
	d := b.deliveries(w.ID, store.DeliveryDead)[0]
	require.Greater(t, d.Attempt, 1)
	require.Equal(t, 400, d.ResponseStatus)
	require.True(t, d.NextAttemptAt.IsZero())
	back.Store(true)
	_, err := b.hooks.Retry(t.Context(), b.who, w.ID, d.ID)
	require.NoError(t, err)
	r.awaitTaken(3)
	b.eventually("it is delivered", func() bool { return len(b.deliveries(w.ID, store.DeliveryDead)) == 1 })
	_, err = b.hooks.Replay(t.Context(), b.who, w.ID, Replay{OnlyFailed: true})
	require.NoError(t, err)
	taken := r.awaitTaken(4)
	require.ElementsMatch(t, []string{"a/0", "b/0"}, taken[2:])
	b.eventually("none is dead, and the replay has ended", func() bool {
		c, err := b.st.Deliveries().Cursors(t.Context(), w.ID)
		return err == nil && len(c) == 1 && len(b.deliveries(w.ID, store.DeliveryDead)) == 0
	})
	all := r.requests()
	require.Equal(t, "true", all[len(all)-1].header.Get("X-Webhook-Replay"))
}

// TestRetryByHandBeginsItsTimeAnew asks for deliveries again whose time is over, or nearly: a
// failure more does not end them.
func TestRetryByHandBeginsItsTimeAnew(t *testing.T) {
	for _, status := range []string{store.DeliveryDead, store.DeliveryFailed} {
		for name, paused := range map[string]bool{"while it runs": false, "while paused": true} {
			t.Run(status+" "+name, func(t *testing.T) {
				b := newBench(t, quick())
				b.session("s")
				var tries atomic.Int32
				r := newReceiver(t, func(http.ResponseWriter, got) int {
					if tries.Add(1) == 1 {
						return 500
					}
					return 200
				})
				w := b.hook(r.URL, "s")
				_, err := b.hooks.Pause(t.Context(), b.who, w.ID)
				require.NoError(t, err)
				b.stop()
				b.say("s", "a/0")
				old := service.Now().Add(-2 * w.RetryFor)
				d := store.Delivery{
					ID: service.NewID("dlv_"), WebhookID: w.ID, SessionID: "s", EventID: "evt_sa/0", Seq: 1, Event: whatsapp.EventNewMessages, Chat: "a",
					Attempt: 9, Status: status, At: old, Since: old,
				}
				if status == store.DeliveryFailed {
					d.NextAttemptAt = service.Now().Add(time.Hour)
				}
				require.NoError(t, b.st.Deliveries().Keep(t.Context(), store.DeliveryProgress{
					Deliveries: []store.Delivery{d}, Cursors: []store.WebhookCursor{{WebhookID: w.ID, SessionID: "s", Seq: 1}},
				}))
				b.start()
				resume := func() {
					_, err := b.hooks.Resume(t.Context(), b.who, w.ID)
					require.NoError(t, err)
					b.eventually("it runs", func() bool { return b.runs(w.ID) })
				}
				if !paused {
					resume()
				}
				_, err = b.hooks.Retry(t.Context(), b.who, w.ID, d.ID)
				require.NoError(t, err)
				if paused {
					resume()
				}
				b.eventually("it is delivered", func() bool { return len(b.deliveries(w.ID, store.DeliveryDelivered)) == 1 })
				require.Equal(t, "10", r.requests()[0].attempt)
				require.Equal(t, []string{"a/0"}, r.awaitTaken(1))
			})
		}
	}
}

func TestReplayOfARange(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	b.say("s", many(3, 10)...)
	r := newReceiver(t, nil)
	w := b.hook(r.URL, "s")
	p, err := b.hooks.Replay(t.Context(), b.who, w.ID, Replay{From: ReplayPoint{Seq: 4}, To: ReplayPoint{Seq: 9}})
	require.NoError(t, err)
	require.NotEmpty(t, p.ID)
	inOrder(t, append([]string{"c0/0", "c1/0", "c2/0"}, r.awaitTaken(6)...), 3, 3)
	for _, g := range r.requests() {
		require.Equal(t, "true", g.header.Get("X-Webhook-Replay"))
	}
	b.eventually("it has ended", func() bool {
		_, err := b.hooks.Replay(t.Context(), b.who, w.ID, Replay{From: ReplayPoint{At: service.Now().Add(time.Hour)}})
		return err == nil
	})
	b.say("s", "c0/10")
	require.Equal(t, "c0/10", r.awaitTaken(7)[6], "nothing of after the range")
}

func TestNothingIsLostInCrashes(t *testing.T) {
	const chats, each = 7, 60
	b := newBench(t, quick())
	b.session("s")
	var n atomic.Int64
	r := newReceiver(t, func(http.ResponseWriter, got) int {
		if n.Add(1)%7 == 0 {
			return 500
		}
		return 200
	})
	b.hook(r.URL, "")
	b.stop()
	texts := many(chats, each)
	for len(texts) > 0 {
		taken := len(r.requests())
		b.start()
		b.say("s", texts[:60]...)
		texts = texts[60:]
		r.await(func(all []got, _ []string) bool { return len(all) >= taken+30 })
		b.crash()
	}
	b.start()
	r.await(func(_ []got, ok []string) bool {
		seen := map[string]bool{}
		for _, text := range ok {
			seen[text] = true
		}
		return len(seen) == chats*each
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	inOrder(t, r.ok, chats, each)
}

func TestMemoryIsBoundedWhileAnEndpointIsDown(t *testing.T) {
	const chats, each = 1500, 3
	b := newBench(t, quick())
	b.session("s")
	var back atomic.Bool
	r := newReceiver(t, func(http.ResponseWriter, got) int {
		if back.Load() {
			return 200
		}
		return 502
	})
	w := b.hook(r.URL, "s")
	all := many(chats, each)
	for len(all) > 0 {
		b.say("s", all[:500]...)
		all = all[500:]
	}
	b.eventually("it is failing", func() bool { return b.state(w.ID).State == store.WebhookFailing })
	r.await(func(all []got, _ []string) bool {
		load, _ := b.hooks.Courier.pool.Load(w.ID)
		require.LessOrEqual(t, load.Events, 1100)
		require.LessOrEqual(t, load.Data, 1<<20)
		return len(all) > 60
	})
	backlog, err := b.hooks.Backlog(t.Context(), w)
	require.NoError(t, err)
	require.EqualValues(t, chats*each, backlog[w.ID])
	back.Store(true)
	inOrder(t, r.awaitTaken(chats*each), chats, each)
}

// TestBacklogCountsEachOnce has deliveries wait on both sides of the cursor, of new events and of
// old ones that are sent again.
func TestBacklogCountsEachOnce(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	b.session("other")
	w := b.hook("http://127.0.0.1:1/nobody", "")
	b.stop()
	b.say("s", "a/0", "a/1", "a/2", "a/3", "a/4")
	b.say("other", "a/0")
	waits := func(seq int64, status string, replay bool) store.Delivery {
		return store.Delivery{ID: service.NewID("dlv_"), WebhookID: w.ID, SessionID: "s", EventID: "e", Seq: seq, Chat: "a", Status: status, Replay: replay, At: service.Now()}
	}
	require.NoError(t, b.st.Deliveries().Keep(t.Context(), store.DeliveryProgress{
		Deliveries: []store.Delivery{
			waits(1, store.DeliveryFailed, false), waits(2, store.DeliveryDelivered, false), waits(2, store.DeliveryFailed, true), // behind the cursor
			waits(4, store.DeliveryFailed, false), waits(5, store.DeliveryPending, false), waits(5, store.DeliveryPending, true), // ahead of it
		},
		Cursors: []store.WebhookCursor{{WebhookID: w.ID, SessionID: "s", Seq: 2}},
	}))
	const ofS = 3 + 1 + 2 // what the cursor has not passed, one that it has, two replays
	backlog, err := b.hooks.Backlog(t.Context(), w)
	require.NoError(t, err)
	require.Equal(t, int64(ofS+1), backlog[w.ID])
	s, err := b.st.Sessions().Get(t.Context(), "s")
	require.NoError(t, err)
	list, err := b.hooks.WaitingOf(t.Context(), b.who, s)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, int64(ofS), list[0].Events)
}

func TestSessionsComeAndGo(t *testing.T) {
	b := newBench(t, quick())
	r := newReceiver(t, nil)
	w := b.hook(r.URL, "")
	b.session("later")
	b.say("later", "a/0")
	require.Equal(t, []string{"a/0"}, r.awaitTaken(1), "a session made later is followed from its first event")
	own := b.hook(r.URL, "later")
	require.NoError(t, b.st.Sessions().Delete(t.Context(), "later"))
	b.log.Forget("later")
	b.eventually("its own webhook is gone", func() bool { return !b.runs(own.ID) })
	b.eventually("it is followed no more", func() bool {
		load, runs := b.hooks.Courier.pool.Load(w.ID)
		return runs && load.Streams == 0
	})
	b.session("later")
	b.say("later", "a/1")
	require.Equal(t, "a/1", r.awaitTaken(2)[1], "a session that is made anew is too")
}

func TestInactiveOwnersGetNothing(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	r := newReceiver(t, nil)
	w := b.hook(r.URL, "s")
	b.eventually("it runs", func() bool { return b.runs(w.ID) })
	_, err := b.st.Users().Update(t.Context(), "ann", func(u *store.User) error { u.Active = false; return nil })
	require.NoError(t, err)
	b.eventually("it is stopped", func() bool { return !b.runs(w.ID) })
	b.say("s", "a/0")
	_, err = b.st.Users().Update(t.Context(), "ann", func(u *store.User) error { u.Active = true; return nil })
	require.NoError(t, err)
	require.Equal(t, []string{"a/0"}, r.awaitTaken(1))
}

func TestEventsThatAreNoLongerKept(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	r := newReceiver(t, nil)
	w := b.hook(r.URL, "s")
	b.stop()
	b.say("s", "a/0", "a/1")
	_, err := b.st.Log().Prune(t.Context(), "s", service.Now().Add(time.Hour))
	require.NoError(t, err)
	b.say("s", "a/2")
	b.start()
	require.Equal(t, []string{"a/2"}, r.awaitTaken(1))
	b.eventually("it says so", func() bool { return strings.Contains(b.state(w.ID).Reason, "events 1 to 2") })
}

func TestOneSlowEndpointDelaysNobody(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	hang := make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter, got) int { <-hang; return 200 })
	fast := newReceiver(t, nil)
	for range 40 {
		b.hook(slow.URL, "s")
	}
	b.hook(fast.URL, "s")
	b.say("s", many(20, 3)...)
	inOrder(t, fast.awaitTaken(60), 20, 3)
	close(hang)
}

func TestNothingOfAnother(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	w := b.hook("https://example.com/x", "s")
	eve := service.Caller{User: store.User{ID: "eve", Role: store.RoleUser, Active: true}}
	_, err := b.hooks.Get(t.Context(), eve, w.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	key := b.who
	key.Key = &store.APIKey{Scopes: []string{"*"}, Sessions: []string{"other"}}
	_, err = b.hooks.Get(t.Context(), key, w.ID)
	require.ErrorIs(t, err, store.ErrNotFound, "a key for other sessions")
	_, err = b.hooks.Create(t.Context(), key, "", WebhookSpec{URL: &w.URL})
	require.ErrorAs(t, err, &service.Invalid{})
	admin := service.Caller{User: store.User{ID: "root", Role: store.RoleAdmin, Active: true}}
	_, err = b.hooks.Get(t.Context(), admin, w.ID)
	require.NoError(t, err)
	made, err := b.hooks.Create(t.Context(), admin, "s", WebhookSpec{URL: &w.URL})
	require.NoError(t, err)
	require.Equal(t, "ann", made.OwnerID, "it belongs to the session's owner")
	require.False(t, errors.Is(err, store.ErrNotFound))
}
