package deliver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/app/consumer"
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/link"
	"whatsapp-api/store"
	"whatsapp-api/store/sqlite"
	"whatsapp-api/whatsapp"
)

// bench is a courier on a real store, with sessions whose events the test makes.
type bench struct {
	t     testing.TB
	st    store.Store
	log   *events.Log
	hooks *Webhooks
	who   service.Caller
	pace  Pace
	stop  func()
	users chan struct{}
	path  string
}

// quick is a pace for tests.
func quick() Pace {
	return Pace{Pace: consumer.Pace{
		Flush: 5 * time.Millisecond, Stale: 50 * time.Millisecond, RetryFirst: 4 * time.Millisecond, RetryMost: 40 * time.Millisecond,
		Probe: 4 * time.Millisecond, ProbeMost: 20 * time.Millisecond, Failures: 10, Grace: time.Second,
	}, Look: 50 * time.Millisecond, Duty: 20 * time.Millisecond}
}

func newBench(t testing.TB, pace Pace) *bench {
	b := &bench{t: t, pace: pace, users: make(chan struct{}), path: filepath.Join(t.TempDir(), "store.db")}
	b.open()
	b.who = service.Caller{User: store.User{ID: "ann", Email: "ann@example.com", Role: store.RoleUser, Active: true}}
	require.NoError(t, b.st.Users().Create(t.Context(), b.who.User))
	b.start()
	return b
}

func (b *bench) open() {
	st, err := sqlite.Open(b.t.Context(), sqlite.Config{Path: b.path})
	require.NoError(b.t, err)
	b.st = st
	b.t.Cleanup(func() { require.NoError(b.t, st.Close()) })
}

// start runs a new courier on the store.
func (b *bench) start() {
	b.log = events.New(b.st.Log())
	targets, err := NewTargets([]string{"127.0.0.0/8"})
	require.NoError(b.t, err)
	m, err := whatsapp.New(whatsapp.Config{Store: b.st, Log: b.log, Logger: zap.NewNop()}) // knows sessions, runs none
	require.NoError(b.t, err)
	c := NewCourier(CourierConfig{Store: b.st, Events: b.log, Targets: targets, Users: func() <-chan struct{} { return b.users }, Pace: b.pace, Version: "test", Log: zap.NewNop()})
	b.hooks = &Webhooks{Store: b.st, Events: b.log, Sessions: &link.Sessions{Manager: m, Store: b.st, Log: zap.NewNop()}, Courier: c, Targets: targets, Log: zap.NewNop()}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	var once sync.Once
	b.stop = func() { once.Do(func() { cancel(); require.NoError(b.t, <-done) }) }
	b.t.Cleanup(b.stop)
}

// runs says whether a webhook is being delivered to.
func (b *bench) runs(id string) bool {
	_, runs := b.hooks.Courier.pool.Load(id)
	return runs
}

// crash ends the courier as a kill does: nothing is written any more.
func (b *bench) crash() {
	b.t.Helper()
	duty, err := b.st.Duties().Take(b.t.Context(), store.DutyWebhooks)
	require.NoError(b.t, err)
	duty.End()
	b.stop()
}

func (b *bench) session(id string) {
	b.t.Helper()
	require.NoError(b.t, b.st.Sessions().Create(b.t.Context(), store.Session{ID: id, OwnerID: "ann", Phone: "+34600000001", PushName: "Ann"}))
}

// say makes events of a session: each a message in a chat.
func (b *bench) say(session string, texts ...string) {
	b.t.Helper()
	var list []store.Event
	for _, text := range texts {
		list = append(list, message(session, text))
	}
	_, err := b.log.Commit(b.t.Context(), store.Unit{Session: session, Events: list})
	require.NoError(b.t, err)
}

// message makes an event of "chat/text".
func message(session, text string) store.Event {
	chat, _, _ := strings.Cut(text, "/")
	data, _ := json.Marshal(map[string]any{"messages": []any{map[string]any{
		"id": text, "chatId": chat, "text": text, "type": "text", "from": map[string]any{"id": chat}, "fromMe": false,
	}}})
	return store.Event{ID: "evt_" + session + text, Name: whatsapp.EventNewMessages, Timestamp: service.Now(), Data: data}
}

// hook makes a webhook.
func (b *bench) hook(url, session string, change ...func(*WebhookSpec)) store.Webhook {
	b.t.Helper()
	spec := WebhookSpec{URL: &url}
	for _, c := range change {
		c(&spec)
	}
	w, err := b.hooks.Create(b.t.Context(), b.who, session, spec)
	require.NoError(b.t, err)
	return w
}

// got is a request that a receiver got.
type got struct {
	text    string // of the message
	body    []byte
	header  http.Header
	attempt string
}

// receiver is an endpoint. answer says how it answers; nil: 200.
type receiver struct {
	*httptest.Server
	t      testing.TB
	mu     sync.Mutex
	all    []got
	ok     []string // texts that were taken, in order
	answer func(w http.ResponseWriter, g got) int
	news   chan struct{}
}

func newReceiver(t testing.TB, answer func(w http.ResponseWriter, g got) int) *receiver {
	r := &receiver{t: t, answer: answer, news: make(chan struct{})}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var e struct {
		Data struct {
			Messages []struct{ Text string }
		}
	}
	_ = json.Unmarshal(raw, &e)
	g := got{body: raw, header: req.Header.Clone(), attempt: req.Header.Get("X-Delivery-Attempt")}
	if len(e.Data.Messages) > 0 {
		g.text = e.Data.Messages[0].Text
	}
	status := 200
	if r.answer != nil {
		status = r.answer(w, g)
	}
	r.mu.Lock()
	r.all = append(r.all, g)
	if status/100 == 2 {
		r.ok = append(r.ok, g.text)
	}
	close(r.news)
	r.news = make(chan struct{})
	r.mu.Unlock()
	if status == 0 {
		return
	}
	w.WriteHeader(status)
}

// await waits until fits is true of what came.
func (r *receiver) await(fits func(all []got, ok []string) bool) {
	r.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		done, news, n, ok := fits(r.all, r.ok), r.news, len(r.all), len(r.ok)
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-news:
		case <-deadline:
			r.t.Fatalf("did not come; %d requests, %d taken", n, ok)
		}
	}
}

func (r *receiver) awaitTaken(n int) []string {
	r.t.Helper()
	r.await(func(_ []got, ok []string) bool { return len(ok) >= n })
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.ok...)
}

func (r *receiver) requests() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got{}, r.all...)
}

// eventually waits for something in the store.
func (b *bench) eventually(what string, fits func() bool) {
	b.t.Helper()
	require.Eventually(b.t, fits, 30*time.Second, 2*time.Millisecond, what)
}

func (b *bench) state(id string) store.Webhook {
	b.t.Helper()
	w, err := b.st.Webhooks().Get(b.t.Context(), id)
	require.NoError(b.t, err)
	return w
}

func (b *bench) deliveries(id, status string) []store.Delivery {
	b.t.Helper()
	list, _, err := b.st.Deliveries().List(b.t.Context(), store.DeliveryQuery{Webhook: id, Status: status, Page: store.Page{Limit: 5000}})
	require.NoError(b.t, err)
	return list
}

// inOrder says that the first time each text of a chat came, it came in order, and none lacks.
func inOrder(t testing.TB, texts []string, chats, each int) {
	t.Helper()
	seen, next := map[string]bool{}, map[string]int{}
	for _, text := range texts {
		if seen[text] {
			continue
		}
		seen[text] = true
		chat, n, _ := strings.Cut(text, "/")
		require.Equal(t, fmt.Sprint(next[chat]), n, "chat %s", chat)
		next[chat]++
	}
	require.Len(t, next, chats)
	for chat, n := range next {
		require.Equal(t, each, n, "chat %s", chat)
	}
}

func TestDeliversSignedEnvelopes(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	b.say("s", "old/0")
	r := newReceiver(t, nil)
	w := b.hook(r.URL, "s", func(s *WebhookSpec) { s.Headers = &map[string]string{"X-Mine": "1"} })
	b.say("s", "a/0")
	r.awaitTaken(1)
	g := r.requests()[0]
	require.Equal(t, "a/0", g.text, "history is not sent")
	var e map[string]any
	require.NoError(t, json.Unmarshal(g.body, &e))
	require.ElementsMatch(t, []string{"id", "seq", "event", "sessionId", "timestamp", "data"}, keysOf(e))
	require.Equal(t, "application/json", g.header.Get("Content-Type"))
	require.Equal(t, "1", g.header.Get("X-Mine"))
	require.Equal(t, e["id"], g.header.Get("X-Event-Id"))
	require.Equal(t, "1", g.attempt)
	require.Equal(t, w.ID, g.header.Get("X-Webhook-Id"))
	require.Equal(t, "sha256="+hmacOf(w.Secrets[0].Value, string(g.body)), g.header.Get("X-Hub-Signature-256"))
	stamp, sums := signatures(g.header)
	require.Equal(t, []string{hmacOf(w.Secrets[0].Value, stamp+"."+string(g.body))}, sums)
	b.eventually("it is in the log", func() bool { return len(b.deliveries(w.ID, store.DeliveryDelivered)) == 1 })

	next, err := b.hooks.Rotate(t.Context(), b.who, w.ID)
	require.NoError(t, err)
	require.NotEqual(t, w.Secrets[0].Value, next.Secrets[0].Value)
	b.eventually("the courier has it", func() bool {
		d, err := b.hooks.Test(t.Context(), b.who, w.ID)
		return err == nil && d.Status == store.DeliveryDelivered && d.ResponseStatus == 200
	})
	all := r.requests()
	g = all[len(all)-1]
	stamp, sums = signatures(g.header)
	require.Equal(t, []string{hmacOf(next.Secrets[0].Value, stamp+"."+string(g.body)), hmacOf(w.Secrets[0].Value, stamp+"."+string(g.body))}, sums)
	require.Len(t, valid(next.Secrets, service.Now().Add(25*time.Hour)), 1, "the old one ends after a day")
}

func keysOf(m map[string]any) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func hmacOf(key, text string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

func signatures(h http.Header) (stamp string, sums []string) {
	for part := range strings.SplitSeq(h.Get("X-Webhook-Signature"), ",") {
		name, value, _ := strings.Cut(part, "=")
		if name == "t" {
			stamp = value
		} else {
			sums = append(sums, value)
		}
	}
	return stamp, sums
}

func TestOrderPerChatWhateverFails(t *testing.T) {
	const chats, each = 12, 15
	b := newBench(t, quick())
	b.session("s")
	var mu sync.Mutex
	failed := map[string]int{}
	r := newReceiver(t, func(_ http.ResponseWriter, g got) int {
		mu.Lock()
		defer mu.Unlock()
		if h := len(g.text); (h+int(g.text[h-1]))%3 == 0 && failed[g.text] < 2 {
			failed[g.text]++
			return 500
		}
		return 204
	})
	b.hook(r.URL, "")
	for n := range each {
		for c := range chats {
			b.say("s", fmt.Sprintf("%c/%d", 'a'+c, n))
		}
	}
	inOrder(t, r.awaitTaken(chats*each), chats, each)
	b.eventually("all is written", func() bool {
		list, _, err := b.hooks.List(t.Context(), b.who, "", store.Page{Limit: 10})
		require.NoError(t, err)
		backlog, err := b.hooks.Backlog(t.Context(), list...)
		require.NoError(t, err)
		return backlog[list[0].ID] == 0
	})
}

func TestOneBadChatHoldsUpNoOther(t *testing.T) {
	b := newBench(t, quick())
	b.session("s")
	open := make(chan struct{})
	r := newReceiver(t, func(_ http.ResponseWriter, g got) int {
		if strings.HasPrefix(g.text, "bad/") {
			select {
			case <-open:
			default:
				return 500
			}
		}
		return 200
	})
	w := b.hook(r.URL, "s")
	b.say("s", "bad/0", "bad/1", "good/0", "bad/2", "good/1")
	r.await(func(_ []got, ok []string) bool { return len(ok) == 2 })
	b.eventually("what waits is kept", func() bool {
		return len(b.deliveries(w.ID, store.DeliveryFailed)) == 1 && len(b.deliveries(w.ID, store.DeliveryPending)) == 2
	})
	b.eventually("the cursor went on", func() bool {
		c, err := b.st.Deliveries().Cursors(t.Context(), w.ID)
		return err == nil && c[0].Seq == 5
	})
	close(open)
	require.Equal(t, []string{"bad/0", "bad/1", "bad/2"}, r.awaitTaken(5)[2:])
	for _, g := range r.requests() {
		if g.text == "bad/1" {
			require.Equal(t, "1", g.attempt)
		}
	}
	b.eventually("all are delivered", func() bool { return len(b.deliveries(w.ID, store.DeliveryDelivered)) == 5 })
}
