package deliver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// refusing is an endpoint that refuses what begins so, until it is back.
func refusing(t testing.TB, status int, prefix string) (r *receiver, back *atomic.Bool) {
	back = &atomic.Bool{}
	return newReceiver(t, func(_ http.ResponseWriter, g got) int {
		if !back.Load() && strings.HasPrefix(g.text, prefix) {
			return status
		}
		return 200
	}), back
}

// flood says so many things in a chat.
func (b *bench) flood(session, chat string, count int) {
	b.t.Helper()
	for n := 0; n < count; {
		var texts []string
		for ; n < count && len(texts) < 1000; n++ {
			texts = append(texts, fmt.Sprint(chat, "/", n))
		}
		b.say(session, texts...)
	}
}

// TestRefusedChatHoldsUpNoOther has far more wait of one chat than memory holds.
func TestRefusedChatHoldsUpNoOther(t *testing.T) {
	for name, c := range map[string]struct{ status, count int }{
		"refused":     {400, 1100},
		"failing":     {500, 1100},
		"refused far": {400, 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			if c.count > 10_000 && testing.Short() {
				t.Skip("it takes a while")
			}
			b := newBench(t, quick())
			b.session("s")
			r, back := refusing(t, c.status, "bob")
			w := b.hook(r.URL, "s")
			b.flood("s", "bob", c.count)
			began := time.Now()
			b.say("s", "carol/0")
			r.awaitTaken(1)
			t.Logf("after %s", time.Since(began).Round(time.Millisecond))
			most := 0
			b.eventually("all of it has records", func() bool {
				load, _ := b.hooks.Courier.pool.Load(w.ID)
				most = max(most, load.Events)
				return load.Events <= 30
			})
			require.LessOrEqual(t, most, 1100)
			if c.status == 400 {
				require.Equal(t, store.WebhookActive, b.state(w.ID).State, "one chat is refused, the endpoint is fine")
			}
			b.say("s", "carol/1")
			r.awaitTaken(2)
			if c.count > 10_000 {
				return
			}
			b.stop() // a restart changes nothing
			b.start()
			b.say("s", "carol/2")
			r.awaitTaken(3)
			back.Store(true)
			taken := r.awaitTaken(c.count + 3)[3:]
			for n, text := range taken {
				require.Equal(t, fmt.Sprint("bob/", n), text)
			}
			b.eventually("nothing waits", func() bool {
				backlog, err := b.hooks.Backlog(t.Context(), w)
				return err == nil && backlog[w.ID] == 0
			})
			require.Len(t, r.awaitTaken(c.count+3), c.count+3, "each once")
		})
	}
}

// TestManyRefusedChats has more chats refused than memory holds events.
func TestManyRefusedChats(t *testing.T) {
	const chats, each = 400, 5
	b := newBench(t, quick())
	b.session("s")
	r, back := refusing(t, 422, "c")
	w := b.hook(r.URL, "s")
	b.say("s", many(chats, each)...)
	b.say("s", "other/0")
	r.awaitTaken(1)
	load, _ := b.hooks.Courier.pool.Load(w.ID)
	require.LessOrEqual(t, load.Events, 1100)
	back.Store(true)
	inOrder(t, r.awaitTaken(chats*each + 1)[1:], chats, each)
}

// TestNewChatIsTriedSoonOfAnEndpointThatFails does not wait as long as what has failed.
func TestNewChatIsTriedSoonOfAnEndpointThatFails(t *testing.T) {
	pace := quick()
	pace.ProbeMost, pace.RetryMost = time.Hour, 10*time.Millisecond
	pace.Probe = 20 * time.Millisecond
	b := newBench(t, pace)
	b.session("s")
	r, _ := refusing(t, 500, "b")
	w := b.hook(r.URL, "s")
	b.say("s", "bob/0", "bob/1", "ben/0")
	b.eventually("it fails", func() bool { return b.state(w.ID).State == store.WebhookFailing })
	r.await(func(all []got, _ []string) bool { return len(all) > 15 }) // the waits are long by now
	began := time.Now()
	b.say("s", "carol/0")
	require.Equal(t, []string{"carol/0"}, r.awaitTaken(1))
	require.Less(t, time.Since(began), 10*time.Second)
	b.eventually("it is active", func() bool { return b.state(w.ID).State == store.WebhookActive })
}

// TestRefusalMayBeTheEnd gives up what is refused at once, but not what fails otherwise.
func TestRefusalMayBeTheEnd(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	statuses := map[string]int{"bad": 400, "gone": 404, "busy": 429, "clash": 409, "early": 425, "slow": 408, "down": 500}
	var mu sync.Mutex
	tried := map[string]int{}
	r := newReceiver(t, func(_ http.ResponseWriter, g got) int {
		mu.Lock()
		defer mu.Unlock()
		chat, _, _ := strings.Cut(g.text, "/")
		if tried[chat]++; tried[chat] == 1 {
			return statuses[chat]
		}
		return 200
	})
	dead := store.RefusalDead
	w := b.hook(r.URL, "s", func(s *WebhookSpec) { s.OnRefusal = &dead })
	for chat := range statuses {
		b.say("s", chat+"/0")
	}
	r.awaitTaken(5)
	b.eventually("two are dead", func() bool { return len(b.deliveries(w.ID, store.DeliveryDead)) == 2 })
	for _, d := range b.deliveries(w.ID, store.DeliveryDead) {
		require.Equal(t, 1, d.Attempt)
		require.Contains(t, []int{400, 404}, d.ResponseStatus)
	}
	wrong := "maybe"
	_, err := b.hooks.Change(t.Context(), b.who, w.ID, WebhookSpec{OnRefusal: &wrong})
	require.ErrorAs(t, err, &service.Invalid{})
}

// TestPartsOfAnEvent has the second of three requests fail: the first is not repeated, and each has an id.
func TestPartsOfAnEvent(t *testing.T) {
	for name, restart := range map[string]bool{"at once": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, quick())
			b.session("s")
			var back atomic.Bool
			var mu sync.Mutex
			var ids []string
			r := newReceiver(t, func(_ http.ResponseWriter, g got) int {
				mu.Lock()
				defer mu.Unlock()
				id := g.header.Get("X-Event-Id")
				if strings.HasSuffix(id, "/2") && !back.Load() {
					return 500
				}
				ids = append(ids, id)
				return 200
			})
			format := FormatWAHA
			w := b.hook(r.URL, "s", func(s *WebhookSpec) { s.Format = &format })
			e := message("s", "a/0")
			for _, text := range []string{"a/1", "a/2"} {
				e.Data = []byte(strings.Replace(string(e.Data), `{"messages":[`, `{"messages":[`+strings.TrimSuffix(strings.TrimPrefix(string(message("s", text).Data), `{"messages":[`), `]}`)+",", 1))
			}
			_, err := b.log.Commit(t.Context(), store.Unit{Session: "s", Events: []store.Event{e}})
			require.NoError(t, err)
			b.eventually("it waits", func() bool {
				list := b.deliveries(w.ID, store.DeliveryFailed)
				return len(list) == 1 && list[0].Done == 1
			})
			if restart {
				b.stop()
			}
			back.Store(true)
			if restart {
				b.start()
			}
			b.eventually("it is delivered", func() bool { return len(b.deliveries(w.ID, store.DeliveryDelivered)) == 1 })
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, []string{e.ID, e.ID + "/2", e.ID + "/3"}, ids)
		})
	}
}

// TestStopRepeatsOnlyWhatItCutOff stops the courier in traffic, again and again: one chat that takes long keeps
// the cursor back, while others go on.
func TestStopRepeatsOnlyWhatItCutOff(t *testing.T) {
	const chats, each = 9, 60
	pace := quick()
	pace.Grace, pace.Stale = 400*time.Millisecond, time.Hour
	b := newBench(t, pace)
	b.session("s")
	var slow atomic.Bool
	slow.Store(true)
	r := newReceiver(t, nil)
	r.answer = func(_ http.ResponseWriter, g got) int {
		if slow.Load() && strings.HasPrefix(g.text, "c0/") {
			time.Sleep(2 * pace.Grace)
		}
		return 200
	}
	b.hook(r.URL, "s")
	texts := many(chats, each)
	for len(texts) > 0 {
		n := len(r.requests())
		b.say("s", texts[:90]...)
		texts = texts[90:]
		r.await(func(all []got, _ []string) bool { return len(all) >= n+50 })
		b.stop()
		b.start()
	}
	slow.Store(false)
	r.await(func(all []got, _ []string) bool {
		seen := map[string]bool{}
		for _, g := range all {
			seen[g.text] = true
		}
		return len(seen) == chats*each
	})
	times := map[string]int{}
	for _, g := range r.requests() {
		times[g.text]++
	}
	for text, n := range times {
		if n > 1 {
			require.True(t, strings.HasPrefix(text, "c0/"), "%s came %d times, and was not cut off", text, n)
		}
	}
}

// TestCrashRepeatsNothingThatIsWritten has the cursor kept back by a chat that takes long when the courier
// crashes: what was delivered ahead of it is not delivered again.
func TestCrashRepeatsNothingThatIsWritten(t *testing.T) {
	pace := quick()
	pace.Stale = time.Hour
	b := newBench(t, pace)
	b.session("s")
	hang := make(chan struct{})
	r := newReceiver(t, func(_ http.ResponseWriter, g got) int {
		if g.text == "slow/0" {
			<-hang
		}
		return 200
	})
	w := b.hook(r.URL, "s")
	b.say("s", "slow/0", "a/0", "a/1", "b/0")
	b.eventually("three are written", func() bool { return len(b.deliveries(w.ID, store.DeliveryDelivered)) == 3 })
	b.crash()
	close(hang)
	b.start()
	b.say("s", "a/2")
	b.eventually("all are", func() bool { return len(b.deliveries(w.ID, store.DeliveryDelivered)) == 5 })
	times := map[string]int{}
	for _, g := range r.requests() {
		times[g.text]++
	}
	require.Equal(t, map[string]int{"slow/0": 2, "a/0": 1, "a/1": 1, "b/0": 1, "a/2": 1}, times)
}

// TestChatKeepsItsOrderWhenItsNumberIsLearned shows one chat under two ids, the first of which waits.
func TestChatKeepsItsOrderWhenItsNumberIsLearned(t *testing.T) {
	const lid, phone = "77@lid", "34600000077@s.whatsapp.net"
	b := newBench(t, quick())
	b.session("s")
	r, back := refusing(t, 400, lid)
	w := b.hook(r.URL, "s")
	meet := func(c store.ContactUpdate, e store.Event) {
		_, err := b.log.Commit(t.Context(), store.Unit{Session: "s", Contacts: []store.ContactUpdate{c}, Events: []store.Event{e}})
		require.NoError(t, err)
	}
	meet(store.ContactUpdate{ID: lid, LID: lid}, message("s", lid+"/0"))
	b.say("s", lid+"/1")
	b.eventually("it waits", func() bool { return len(b.deliveries(w.ID, store.DeliveryFailed)) == 1 })
	mapped := store.Event{ID: "evt_m", Name: whatsapp.EventIdentityMapped, Timestamp: service.Now(), Data: fmt.Appendf(nil, `{"from":%q,"to":%q}`, lid, phone)}
	meet(store.ContactUpdate{ID: lid, Phone: phone}, mapped)
	b.say("s", phone+"/2", "other/0")
	require.Equal(t, []string{"other/0"}, r.awaitTaken(1))
	b.stop() // nor does a restart let it pass
	b.start()
	b.say("s", phone+"/3", "other/1")
	require.Equal(t, []string{"other/0", "other/1"}, r.awaitTaken(2))
	back.Store(true)
	require.Equal(t, []string{lid + "/0", lid + "/1", "", phone + "/2", phone + "/3"}, r.awaitTaken(7)[2:])
}

// TestDutyIsGivenBack lets another courier take over at once when the first stops.
func TestDutyIsGivenBack(t *testing.T) {
	b := newBench(t, quick())
	w := b.hook("http://127.0.0.1:1/nobody", "")
	b.eventually("it runs", func() bool { return b.runs(w.ID) })
	duty, err := b.st.Duties().Take(context.Background(), store.DutyWebhooks)
	require.NoError(t, err)
	require.True(t, duty.Held())
	b.stop()
	require.False(t, duty.Held())
}

// TestWaitingChatsAreNamed says of a webhook which chats wait, since when, and why.
func TestWaitingChatsAreNamed(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	r, _ := refusing(t, 400, "b")
	w := b.hook(r.URL, "s")
	list, err := b.hooks.WaitingChats(t.Context(), w)
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = b.log.Commit(t.Context(), store.Unit{Session: "s", Contacts: []store.ContactUpdate{{ID: "bob", LID: "bob", Phone: "34600000005@s.whatsapp.net"}}})
	require.NoError(t, err)
	b.say("s", "bob/0", "carol/0", "bob/1", "ben@g.us/0", "bob/2")
	r.awaitTaken(1)
	b.eventually("both are kept", func() bool { return len(b.deliveries(w.ID, store.DeliveryPending)) == 2 })
	b.eventually("both failed", func() bool {
		list, err = b.hooks.WaitingChats(t.Context(), w)
		require.NoError(t, err)
		return len(list) == 2
	})
	events := map[string]int64{}
	for _, c := range list {
		events[c.Chat] = c.Events
		require.Equal(t, "s", c.SessionID)
		require.Equal(t, "answered 400", c.LastError)
		require.WithinDuration(t, time.Now(), c.Since, time.Minute)
	}
	require.Equal(t, map[string]int64{"34600000005@s.whatsapp.net": 3, "ben@g.us": 1}, events)
	require.Empty(t, ReasonOf(w, list))
	list[1].Since = service.Now().Add(-time.Hour)
	require.Equal(t, "1 chat waits since "+list[1].Since.Format(time.RFC3339)+": answered 400", ReasonOf(w, list))
	list[0].Since = service.Now().Add(-2 * time.Hour)
	require.Equal(t, "2 chats wait, one since "+list[0].Since.Format(time.RFC3339)+": answered 400", ReasonOf(w, list))
	require.Equal(t, "told", ReasonOf(store.Webhook{Reason: "told"}, list))
}

// TestLanesWhateverHappens refuses, fails and hangs at random, for a chat or for all, stops and crashes
// the courier in between, and asks for retries: all comes, each chat in order, and in the end nothing waits.
func TestLanesWhateverHappens(t *testing.T) {
	const chats, each, rounds = 40, 120, 6
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			b := newBench(t, quick())
			b.session("s")
			var mu sync.Mutex
			dice := rand.New(rand.NewPCG(seed, 1))
			mood := map[string]int{} // how a chat is answered; the empty one is of all
			r := newReceiver(t, func(_ http.ResponseWriter, g got) int {
				mu.Lock()
				defer mu.Unlock()
				chat, _, _ := strings.Cut(g.text, "/")
				for _, who := range []string{"", chat} {
					if status := mood[who]; status != 0 && dice.IntN(10) > 0 {
						return status
					}
				}
				return 200
			})
			w := b.hook(r.URL, "")
			texts := many(chats, each)
			for round := range rounds {
				mu.Lock()
				clear(mood)
				for c := range chats {
					mood[fmt.Sprint("c", c)] = []int{0, 0, 400, 500}[dice.IntN(4)]
				}
				mood[""] = []int{0, 0, 0, 503}[dice.IntN(4)]
				crash := dice.IntN(2) == 0
				mu.Unlock()
				n := len(texts) / (rounds - round)
				b.say("s", texts[:n]...)
				texts = texts[n:]
				before := len(r.requests())
				r.await(func(all []got, _ []string) bool { return len(all) >= before+40 })
				if list := b.deliveries(w.ID, store.DeliveryFailed); len(list) > 0 {
					_, err := b.hooks.Retry(t.Context(), b.who, w.ID, list[0].ID)
					require.NoError(t, err)
				}
				if crash {
					b.crash()
				} else {
					b.stop()
				}
				b.start()
			}
			mu.Lock()
			clear(mood)
			mu.Unlock()
			r.await(func(_ []got, ok []string) bool {
				seen := map[string]bool{}
				for _, text := range ok {
					seen[text] = true
				}
				return len(seen) == chats*each
			})
			r.mu.Lock()
			inOrder(t, r.ok, chats, each)
			t.Logf("%d requests, %d taken", len(r.all), len(r.ok))
			r.mu.Unlock()
			b.eventually("nothing waits", func() bool {
				backlog, err := b.hooks.Backlog(t.Context(), w)
				require.NoError(t, err)
				return backlog[w.ID] == 0
			})
		})
	}
}

// TestWhatWaitsIsTriedAtOnceWhenTheWebhookIsChanged does not wait an hour once somebody has mended the endpoint
// and says so, or names another one.
func TestWhatWaitsIsTriedAtOnceWhenTheWebhookIsChanged(t *testing.T) {
	for name, change := range map[string]func(*bench, string, string) error{
		"resume": func(b *bench, id, _ string) error {
			_, err := b.hooks.Resume(b.t.Context(), b.who, id)
			return err
		},
		"pause and resume": func(b *bench, id, _ string) error {
			_, err1 := b.hooks.Pause(b.t.Context(), b.who, id)
			_, err2 := b.hooks.Resume(b.t.Context(), b.who, id)
			return errors.Join(err1, err2)
		},
		"another url": func(b *bench, id, url string) error {
			_, err := b.hooks.Change(b.t.Context(), b.who, id, WebhookSpec{URL: &url})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			pace := quick()
			pace.RetryFirst, pace.RetryMost = time.Hour, time.Hour
			b := newBench(t, pace)
			b.session("s")
			r, back := refusing(t, 400, "bob")
			w := b.hook(r.URL, "s")
			b.say("s", "bob/0", "bob/1")
			b.eventually("it waits", func() bool { return len(b.deliveries(w.ID, store.DeliveryFailed)) == 1 })
			back.Store(true)
			time.Sleep(2 * time.Millisecond) // the change is later than the attempt
			require.NoError(t, change(b, w.ID, r.URL+"/other"))
			require.Equal(t, []string{"bob/0", "bob/1"}, r.awaitTaken(2))
		})
	}
}
