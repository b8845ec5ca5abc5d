package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// endpoint is a receiver of webhooks.
type endpoint struct {
	*httptest.Server
	t    *testing.T
	mu   sync.Mutex
	all  []hit
	news chan struct{}
}

type hit struct {
	at     time.Time
	header http.Header
	raw    []byte
	event  object
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{t: t, news: make(chan struct{})}
	e.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil { // the server was killed while it sent
			return
		}
		h := hit{at: time.Now(), header: r.Header.Clone(), raw: raw}
		if json.Unmarshal(raw, &h.event) != nil {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.all = append(e.all, h)
		close(e.news)
		e.news = make(chan struct{})
	}))
	t.Cleanup(e.Close)
	return e
}

// await waits until what came fits, and returns it.
func (e *endpoint) await(fits func([]hit) bool) []hit {
	e.t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		e.mu.Lock()
		all, news := e.all[:len(e.all):len(e.all)], e.news
		e.mu.Unlock()
		if fits(all) {
			return all
		}
		select {
		case <-news:
		case <-deadline:
			e.t.Fatalf("did not come; %d requests did", len(all))
		}
	}
}

// first waits for the first event of this name.
func (e *endpoint) first(name string) hit {
	e.t.Helper()
	var found hit
	e.await(func(all []hit) bool {
		for _, h := range all {
			if h.event.str("event") == name {
				found = h
				return true
			}
		}
		return false
	})
	return found
}

// firsts are the different texts of messages, in the order of their first coming.
func firsts(all []hit) (texts []string) {
	seen := map[string]bool{}
	for _, h := range all {
		for _, m := range h.event.obj("data").list("messages") {
			if text := m.str("text"); !seen[text] {
				seen[text] = true
				texts = append(texts, text)
			}
		}
	}
	return texts
}

func TestWebhooks(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		to := newEndpoint(t)
		w := r.call("POST", "/api/v1/webhooks", map[string]any{"url": to.URL, "sessionId": "shop", "headers": map[string]any{"Authorization": "Bearer x"}}, 201)
		for _, field := range []string{
			"id", "sessionId", "url", "events", "filters", "headers", "format", "state", "reason", "backlog", "createdAt", "updatedAt", "secret",
		} {
			require.Contains(t, w, field)
		}
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "¿Tenéis pan?"})
		require.NoError(t, err)
		h := to.first("new_messages")
		require.Equal(t, "¿Tenéis pan?", h.event.obj("data").list("messages")[0].str("text"))
		mac := hmac.New(sha256.New, []byte(w.str("secret")))
		mac.Write(h.raw)
		require.Equal(t, "sha256="+hex.EncodeToString(mac.Sum(nil)), h.header.Get("X-Hub-Signature-256"))
		require.Equal(t, "Bearer x", h.header.Get("Authorization"))
		require.Equal(t, h.event.str("id"), h.header.Get("X-Event-Id"))
		require.Contains(t, r.events("shop"), h.event, "the body is the event as the log has it")

		path := "/api/v1/webhooks/" + w.str("id")
		var log []object
		require.Eventually(t, func() bool {
			log = r.call("GET", path+"/deliveries?status=delivered", nil, 200).list("data")
			return len(log) > 0 && r.call("GET", path, nil, 200).num("backlog") == 0
		}, 20*time.Second, 20*time.Millisecond)
		require.EqualValues(t, 200, log[0].num("responseStatus"))
		require.EqualValues(t, 1, log[0].num("attempt"))
		require.Nil(t, log[0]["nextAttemptAt"])
		r.manageWebhook(path, to, log[0].str("id"))
		require.Len(t, r.call("GET", "/api/v1/webhooks?sessionId=shop", nil, 200).list("data"), 1)
		r.call("DELETE", "/api/v1/sessions/shop", nil, 204)
		r.call("GET", path, nil, 404)
	})
}

// manageWebhook tries what can be asked of a webhook.
func (r *rig) manageWebhook(path string, to *endpoint, delivery string) {
	t := r.t
	test := r.call("POST", path+"/test", nil, 200)
	require.Equal(t, "delivered", test.str("status"))
	require.Equal(t, "webhook_test", to.first("webhook_test").event.str("event"))
	require.Equal(t, "paused", r.call("POST", path+"/pause", nil, 200).str("state"))
	require.Equal(t, "active", r.call("POST", path+"/resume", nil, 200).str("state"))
	require.NotEmpty(t, r.call("POST", path+"/rotate-secret", nil, 200).str("secret"))
	require.NotContains(t, r.call("GET", path, nil, 200), "secret")
	require.NotContains(t, r.call("PUT", path, map[string]any{"events": []string{"new_messages"}}, 200), "secret")
	r.call("POST", path+"/deliveries/"+delivery+"/retry", nil, 202)
	to.await(func(all []hit) bool {
		for _, h := range all {
			if h.header.Get("X-Webhook-Replay") == "true" {
				return true
			}
		}
		return false
	})
	require.NotEmpty(t, r.call("POST", path+"/replay", map[string]any{"from": "2020-01-01T00:00:00Z"}, 202).str("id"))
	to.await(func(all []hit) bool {
		n := 0
		for _, h := range all {
			if h.header.Get("X-Webhook-Replay") == "true" && h.event.str("event") == "new_messages" {
				n++
			}
		}
		return n >= 1
	})
}

func TestWebhookBadInput(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	good := r.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/x", "events": []string{}, "filters": map[string]any{"chats": []string{"+34 600 11 22 33"}}}, 201)
	require.Equal(t, []any{"34600112233@s.whatsapp.net"}, good.obj("filters")["chats"])
	require.Nil(t, good["sessionId"])
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		field  string
	}{
		"no url":         {map[string]any{}, 422, "url"},
		"bad scheme":     {map[string]any{"url": "ftp://example.com"}, 422, "url"},
		"no host":        {map[string]any{"url": "http:///x"}, 422, "url"},
		"credentials":    {map[string]any{"url": "https://a:b@example.com"}, 422, "url"},
		"long":           {map[string]any{"url": "https://example.com/" + strings.Repeat("x", 3000)}, 422, "url"},
		"private":        {map[string]any{"url": "http://10.0.0.1/x"}, 422, "url"},
		"metadata":       {map[string]any{"url": "http://169.254.169.254/latest"}, 422, "url"},
		"mapped":         {map[string]any{"url": "http://[::ffff:10.0.0.1]/"}, 422, "url"},
		"unknown event":  {map[string]any{"url": "https://example.com", "events": []string{"nothing"}}, 422, "events"},
		"bad format":     {map[string]any{"url": "https://example.com", "format": "xml"}, 422, "format"},
		"bad chat":       {map[string]any{"url": "https://example.com", "filters": map[string]any{"chats": []string{"bob"}}}, 422, "filters.chats"},
		"own header":     {map[string]any{"url": "https://example.com", "headers": map[string]any{"x-hub-signature-256": "x"}}, 422, "headers"},
		"host header":    {map[string]any{"url": "https://example.com", "headers": map[string]any{"Host": "x"}}, 422, "headers"},
		"line break":     {map[string]any{"url": "https://example.com", "headers": map[string]any{"X-A": "a\r\nB: c"}}, 422, "headers"},
		"bad duration":   {map[string]any{"url": "https://example.com", "retryFor": "soon"}, 422, "retryFor"},
		"long retry":     {map[string]any{"url": "https://example.com", "retryFor": "9000h"}, 422, "retryFor"},
		"long timeout":   {map[string]any{"url": "https://example.com", "timeoutSeconds": 31}, 422, "timeoutSeconds"},
		"no such owner":  {map[string]any{"url": "https://example.com", "sessionId": "none"}, 404, ""},
		"unknown fields": {map[string]any{"url": "https://example.com", "urll": "x"}, 422, "urll"},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.call("POST", "/api/v1/webhooks", c.body, c.status)
			fields := []string{}
			for _, e := range p.list("errors") {
				fields = append(fields, e.str("field"))
			}
			if c.field != "" {
				require.Contains(t, strings.ReplaceAll(strings.Join(fields, " "), "body.", ""), c.field)
			}
		})
	}
	path := "/api/v1/webhooks/" + good.str("id")
	require.Equal(t, "from", r.call("POST", path+"/replay", map[string]any{"from": 3}, 422).list("errors")[0].str("field"))
	require.Equal(t, "to", r.call("POST", path+"/replay", map[string]any{"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 422).list("errors")[0].str("field"))
	r.call("POST", path+"/replay", map[string]any{"from": "yesterday"}, 422)
	r.call("POST", path+"/deliveries/none/retry", nil, 404)
	for range 49 {
		r.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/x"}, 201)
	}
	require.Equal(t, "too_many_webhooks", r.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/x"}, 409).str("code"))
	r.call("DELETE", path, nil, 204)
	r.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/x"}, 201)
}

// TestKilledWhileDelivering kills the server while webhooks go out. Each event comes at least
// once, and each chat's in order, by their first coming.
func TestKilledWhileDelivering(t *testing.T) {
	const each, people = 300, 3
	eachStore(t, func(t *testing.T, at place) {
		r := spawn(t, at)
		ana := r.link("shop")
		to := newEndpoint(t)
		r.call("POST", "/api/v1/webhooks", map[string]any{"url": to.URL, "events": []string{"new_messages"}}, 201)
		sent := make(chan error, people)
		for n := range people {
			p := phone(t, fmt.Sprint("Person ", n))
			go func() {
				_, err := p.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: fmt.Sprint(n, " {n}"), Count: each})
				sent <- err
			}()
		}
		for kill := range 3 {
			to.await(func(all []hit) bool { return len(firsts(all)) >= (kill+1)*each*people/5 })
			r.kill()
			r = spawn(t, at)
			r.awaitState("shop", "connected")
		}
		for range people {
			require.NoError(t, <-sent)
		}
		next := map[string]int{}
		all := to.await(func(all []hit) bool { return len(firsts(all)) >= each*people })
		for _, text := range firsts(all) {
			person, n, _ := strings.Cut(text, " ")
			next[person]++
			require.Equal(t, fmt.Sprint(next[person]), n, "messages of %s", person)
		}
		t.Logf("%d requests for %d events", len(all), each*people)
	})
}

// TestStoppedWhileDelivering stops the server as an operator does, while webhooks go out. What was answered does
// not come again; what was under way had time to be answered.
func TestStoppedWhileDelivering(t *testing.T) {
	const each, people = 200, 3
	bothStores(t, func(t *testing.T, at place) {
		r := spawn(t, at)
		ana := r.link("shop")
		to := newEndpoint(t)
		r.call("POST", "/api/v1/webhooks", map[string]any{"url": to.URL, "events": []string{"new_messages"}}, 201)
		sent := make(chan error, people)
		for n := range people {
			p := phone(t, fmt.Sprint("Person ", n))
			go func() {
				_, err := p.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: fmt.Sprint(n, " {n}"), Count: each})
				sent <- err
			}()
		}
		for stop := range 3 {
			to.await(func(all []hit) bool { return len(all) >= (stop+1)*each*people/5 })
			r.stop()
			r = spawn(t, at)
			r.awaitState("shop", "connected")
		}
		for range people {
			require.NoError(t, <-sent)
		}
		all := to.await(func(all []hit) bool { return len(firsts(all)) >= each*people })
		require.Len(t, all, each*people, "each once")
	})
}

// TestRecoveredMessageComesOnce recovers a message that could not be read at first. Bots, which read
// the formats of others, get it once.
func TestRecoveredMessageComesOnce(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	ana, bob := r.link("shop"), phone(t, "Bob")
	to := map[string]*endpoint{}
	for _, format := range []string{"cloud", "waha", "evolution"} {
		to[format] = newEndpoint(t)
		r.call("POST", "/api/v1/webhooks", object{"url": to[format].URL, "format": format}, 201)
	}
	say := func(text string) {
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: text})
		require.NoError(t, err)
	}
	say("fine")
	r.awaitEvent("shop", 0, named("new_messages"))
	require.NoError(t, theWorld.server.AddFaults(sandbox.Fault{Kind: sandbox.FaultCorrupt, Phone: ana.Number(), Count: 1}))
	say("broken once")
	r.awaitEvent("shop", 0, named("message_undecryptable"))
	recovered := r.awaitEvent("shop", 0, named("message_recovered")).obj("data").obj("message")
	require.Equal(t, "broken once", recovered.str("text"))
	say("and on")
	for format, e := range to {
		with := func(all []hit, text string) (n int) {
			for _, h := range all {
				n += strings.Count(string(h.raw), text)
			}
			return n
		}
		all := e.await(func(all []hit) bool { return with(all, "and on") > 0 })
		require.Equal(t, 1, with(all, "broken once"), format)
	}
}
