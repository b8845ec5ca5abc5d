package app

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

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

// TestThousandsOfChats is a contact who writes in thousands of groups at once, always under the same
// message id: lists stay pages, each chat is listed once, search finds one, and none of it stays in memory.
func TestThousandsOfChats(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, eve := r.link("shop"), phone(t, "Eve")
		lid, err := types.ParseJID(eve.LID())
		require.NoError(t, err)
		const chats, page = 2000, 200
		next := 0
		flood := func(until int) {
			for ; next < until; next++ {
				require.NoError(t, eve.Forge(t.Context(), sandbox.Forgery{
					To:    ana.Number(),
					Plain: encoded(t, &waE2E.Message{Conversation: proto.String(fmt.Sprintf("word%d %s", next, strings.Repeat("hello ", 400)))}),
					Attrs: map[string]any{"id": "SAME", "from": types.NewJID(fmt.Sprint(120363000000000000+next), types.GroupServer), "participant": lid},
				}))
			}
			_, err := eve.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: fmt.Sprint("after ", until)})
			require.NoError(t, err)
			r.awaitText("shop", fmt.Sprint("after ", until))
		}
		flood(chats / 2)
		before := heap()
		flood(chats)
		require.Less(t, heap()-before, int64(chats/2*3000), "the flood stays in memory")
		seen := map[string]bool{}
		for cursor, full := "", 0; ; full++ {
			list := r.call("GET", fmt.Sprintf("/api/v1/messages/sessions/shop/chats?limit=%d&cursor=%s", page, cursor), nil, 200)
			for _, c := range list.list("data") {
				require.False(t, seen[c.str("id")])
				seen[c.str("id")] = true
				require.Equal(t, eve.Number(), c.obj("lastMessage").obj("from").str("phone"))
			}
			if cursor = list.str("nextCursor"); cursor == "" {
				break
			}
			require.Len(t, list.list("data"), page)
			require.Less(t, full, chats/page+1)
		}
		require.Len(t, seen, chats+1)
		r.call("GET", "/api/v1/messages/sessions/shop/chats?limit=201", nil, 422)
		for _, n := range []int{0, 1234, chats - 1} {
			found := r.call("GET", fmt.Sprintf("/api/v1/messages/sessions/shop/chats/%d@g.us/messages?search=word%d", 120363000000000000+n, n), nil, 200).list("data")
			require.Len(t, found, 1)
			require.Equal(t, "SAME", found[0].str("id"))
		}
	})
}

// heap is how much memory is in use, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
