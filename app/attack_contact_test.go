package app

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp/sandbox"
)

// texts are the texts that a chat is said to have, oldest first.
func (r *rig) texts(session, number string) []string {
	return r.storedTexts(session, strings.TrimPrefix(number, "+"))
}

// awaitText waits until a message with this text was told of.
func (r *rig) awaitText(session, text string) {
	r.t.Helper()
	r.awaitEvent(session, 0, func(e object) bool {
		list := e.obj("data").list("messages")
		return len(list) > 0 && list[0].str("text") == text
	})
}

// TestHostileContact is a contact who chooses ids, names and texts to harm: his messages take nobody
// else's place, change nothing that was kept, and come out as harmless text.
func TestHostileContact(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob, eve := r.link("shop"), phone(t, "Bob"), phone(t, "\u202eeve\u0000\u0007\r\n\u2066"+strings.Repeat("é", 3000))
		send := func(p *sandbox.Phone, id, text string) {
			_, err := p.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: text, ID: id})
			require.NoError(t, err)
		}
		const id = "3AAAAAAAAAAAAAAAAAAA"
		send(bob, id, "from Bob")
		r.awaitText("shop", "from Bob")
		send(eve, id, "from Eve, under Bob's id")
		r.awaitText("shop", "from Eve, under Bob's id")
		send(eve, id, "other words under the same id")
		send(bob, id, "other words under the same id")
		send(eve, "../../etc\u0000\r\n", "a path for an id")
		r.awaitText("shop", "a path for an id")
		wild := "\u0000\u001b[31m\r\n\u202e\ufeff\U0010ffff" + strings.Repeat("\u0301", 500) + strings.Repeat("🧨", 10_000)
		send(eve, "", wild)
		r.awaitText("shop", wild)
		send(bob, "", "the end")
		r.awaitText("shop", "the end")
		require.Equal(t, []string{"from Bob", "the end"}, r.texts("shop", bob.Number()), "what was kept first stays")
		require.Equal(t, []string{"from Eve, under Bob's id", "a path for an id", wild}, r.texts("shop", eve.Number()))
		for _, chat := range r.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 200).list("data") {
			harmless(t, chat.str("name"))
			for _, m := range r.call("GET", "/api/v1/messages/sessions/shop/chats/"+strings.TrimPrefix(chat.str("phone"), "+")+"/messages", nil, 200).list("data") {
				harmless(t, m.obj("from").str("name"))
				harmless(t, m.str("id"))
				require.Equal(t, chat.str("phone"), m.obj("from").str("phone"), "the sender is who sent it")
			}
		}
	})
}

// harmless checks a name that somebody else has chosen.
func harmless(t *testing.T, name string) {
	require.True(t, utf8.ValidString(name))
	require.LessOrEqual(t, utf8.RuneCountInString(name), 256)
	require.False(t, strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	}), "%q", name)
}

// TestManyChats floods a session with chats that all bring the same message id; lists stay pages, and search finds one.
func TestManyChats(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.WebhookAllowedIPs = []string{"127.0.0.1"} })
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
	const chats, each = 300, 150
	for from := 0; from < chats; from += each {
		messages := []map[string]any{}
		for i := from; i < from+each; i++ {
			messages = append(messages, map[string]any{
				"id": "SAME", "chat": fmt.Sprintf("34611%06d", i), "text": "hello", "name": fmt.Sprintf("Name %d \u202e\u0000", i), "timestamp": time.Unix(1_800_000_000+int64(i), 0).UTC().Format(time.RFC3339),
			})
		}
		got := r.with("").call("POST", "/api/v1/messages/webhook", map[string]any{"sessionId": "shop", "messages": messages}, 200)
		require.EqualValues(t, each, got.num("received"), "one id in many chats is many messages")
	}
	seen := map[string]bool{}
	for cursor := ""; ; {
		page := r.call("GET", "/api/v1/messages/sessions/shop/chats?limit=200&cursor="+cursor, nil, 200)
		for _, c := range page.list("data") {
			require.False(t, seen[c.str("id")])
			seen[c.str("id")] = true
			harmless(t, c.str("name"))
		}
		if cursor = page.str("nextCursor"); cursor == "" {
			break
		}
	}
	require.Len(t, seen, chats)
	require.Len(t, r.call("GET", "/api/v1/messages/sessions/shop/chats?search=34611000234", nil, 200).list("data"), 1)
}
