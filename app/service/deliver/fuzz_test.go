package deliver

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// FuzzTarget feeds URLs of webhooks: what is taken is a plain address of the web, and none inside.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"https://example.com/hook", "http://[::ffff:10.0.0.1]/", "http://localhost.", "http://a@b", "http://169.254.169.254", "https://x#y", "http://\x00", "http://[fe80::1%25a]"} {
		f.Add(seed)
	}
	none, err := NewTargets(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if none.checkURL(text) != "" {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
			t.Fatalf("%q was taken", text)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.Unmap().IsPrivate() || ip.Unmap().IsLoopback() || ip.Unmap().IsLinkLocalUnicast()) {
			t.Fatalf("%q is inside", text)
		}
		if _, err := http.NewRequestWithContext(t.Context(), http.MethodPost, text, nil); err != nil {
			t.Fatalf("%q was taken and cannot be called: %v", text, err)
		}
	})
}

// FuzzNetworks feeds WEBHOOK_PRIVATE_TARGETS: naming some network never opens loopback, unless it is in it.
func FuzzNetworks(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8", "::ffff:10.0.0.0/104", "0.0.0.0/0", "::/0", "10.0.0.1", "fe80::1%a/64", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		some, err := NewTargets([]string{text})
		if err != nil {
			return
		}
		inside := netip.MustParseAddr("127.0.0.1")
		if some.check(inside) == nil && !netip.MustParsePrefix(text).Contains(inside) {
			t.Fatalf("%q opens loopback", text)
		}
	})
}

// FuzzWebhookHeaders feeds headers of webhooks: what is taken can be sent, on one line.
func FuzzWebhookHeaders(f *testing.F) {
	for _, seed := range [][2]string{{"X-A", "b"}, {"host", "x"}, {"X-A\r\nB", "c"}, {"X-A", "a\r\nB: c"}, {"X-Hub-Signature-256", ""}, {"Transfer-Encoding", "chunked"}, {"X", "\u0085"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if checkHeaders(map[string]string{name: value}) != "" {
			return
		}
		if strings.ContainsAny(name+value, "\r\n\x00") {
			t.Fatalf("%q: %q", name, value)
		}
		var out strings.Builder
		if err := (http.Header{name: {value}}).Write(&out); err != nil || strings.Count(out.String(), "\n") != 1 {
			t.Fatalf("%q: %v", out.String(), err)
		}
	})
}

// FuzzFormats feeds events with whatever data to the formats of others: what they
// make is JSON.
func FuzzFormats(f *testing.F) {
	for _, seed := range [][2]string{
		{"new_messages", `{"messages":[{"id":"A","chatId":"34600000001@s.whatsapp.net","from":{"id":"x","phone":"+34600000001"},"type":"text","text":"hi","mentions":[],"timestamp":"2026-11-24T10:00:00.000Z"}]}`},
		{"new_messages", `{"messages":[{}]}`},
		{"message_status", `{"status":"read","by":{}}`},
		{"message_status", `{}`},
		{"session_status_update", `{"session":{"state":"connected"}}`},
		{"qr_code", `null`},
		{"message_sent", `{"message":null}`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e := store.Event{ID: "evt_1", SessionID: "shop", Seq: 1, Name: name, Timestamp: time.Unix(1_800_000_000, 0).UTC(), Data: data}
		for name, f := range formats {
			for _, body := range f.make(renderContext{e, store.Session{ID: "shop"}, "https://example.com"}) {
				if _, err := json.Marshal(body); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	})
}

// FuzzFilters feeds addresses of filters, and events: what is taken finds the messages of that
// chat and sender and no others, and no event is too strange to be asked.
func FuzzFilters(f *testing.F) {
	for _, seed := range []string{"+34 600 000 001", "1@lid", "1-2@g.us", "34600000001:7@s.whatsapp.net", "\xff@lid", "status@broadcast", ""} {
		f.Add(seed, "34600000002@s.whatsapp.net", []byte(`{"messages":[{"chatId":"34600000001@s.whatsapp.net","from":{"id":"x"}}],"chat":null}`))
	}
	f.Add("1@lid", "1@lid", []byte(`{"contact":{"id":"1@lid","phone":null,"lid":""},"to":7}`))
	f.Fuzz(func(t *testing.T, text, other string, data []byte) {
		wrong := service.Invalid{}
		list := addresses(wrong, "filters.chats", []string{text})
		byChat, bySender := &store.Webhook{Filters: store.WebhookFilters{Chats: list}}, &store.Webhook{Filters: store.WebhookFilters{Senders: list}}
		for _, w := range []*store.Webhook{byChat, bySender} {
			wants(w, "new_messages", subjectOf(store.Event{Data: data}))
		}
		if len(wrong) > 0 {
			return
		}
		about := func(id string) subject {
			raw, err := json.Marshal(map[string]any{"messages": []any{map[string]any{"chatId": id, "from": map[string]any{"id": id}}}})
			if err != nil {
				t.Fatal(err)
			}
			return subjectOf(store.Event{Data: raw})
		}
		if !wants(byChat, "new_messages", about(list[0])) || !wants(bySender, "new_messages", about(list[0])) {
			t.Fatalf("%q does not find %q", text, list[0])
		}
		if other != "" && other != list[0] && (wants(byChat, "new_messages", about(other)) || wants(bySender, "new_messages", about(other))) {
			t.Fatalf("%q finds %q", text, other)
		}
	})
}
