package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/whatsapp/sandbox"
)

// scene is a session with an honest contact, and Eve.
type scene struct {
	*rig
	ana, bob, eve *sandbox.Phone
	said          []string // by Bob and by Eve, honestly
	target        string   // id of what the session sent to Bob
}

// setScene lets all talk to each other, so that there are established sessions.
func setScene(t *testing.T, at place) *scene {
	s := &scene{rig: start(t, at)}
	s.ana, s.bob, s.eve = s.link("shop"), phone(t, "Bob"), phone(t, "Eve")
	s.say("hello")
	for _, p := range []*sandbox.Phone{s.bob, s.eve} {
		s.target = s.call("POST", "/api/v1/messages/sessions/shop/send/message", object{"to": p.Number(), "text": "hello too"}, 201).str("id")
		_, err := p.WaitMessages(t.Context(), 0, 1)
		require.NoError(t, err)
	}
	s.target = s.call("POST", "/api/v1/messages/sessions/shop/send/message", object{"to": s.bob.Number(), "text": "the target"}, 201).str("id")
	return s
}

// say lets Bob and Eve say this honestly.
func (s *scene) say(text string) {
	for _, p := range []*sandbox.Phone{s.bob, s.eve} {
		_, err := p.Send(s.t.Context(), sandbox.Outgoing{To: s.ana.Number(), Text: text})
		require.NoError(s.t, err)
	}
	s.said = append(s.said, text)
}

// suffer sends each forgery, and honest messages behind it.
func (s *scene) suffer(all forgeries) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s.forge(all[name])
		s.say("after " + name)
	}
	s.rest()
}

// burst sends all forgeries at once.
func (s *scene) burst(all forgeries) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s.forge(all[name])
	}
	s.rest()
}

func (s *scene) forge(f sandbox.Forgery) {
	f.To = s.ana.Number()
	require.NoError(s.t, s.eve.Forge(s.t.Context(), f))
}

// rest waits until all of it is over.
func (s *scene) rest() {
	end := fmt.Sprint("the end after ", len(s.said))
	s.say(end)
	s.awaitText("shop", end)
	require.Eventually(s.t, func() bool { return s.ana.Waiting() == 0 }, patience, time.Millisecond, "all was acknowledged, and will not come again")
}

// check looks at everything that can be read.
func (s *scene) check() {
	t := s.t
	bob, eve := strings.TrimPrefix(s.bob.Number(), "+"), strings.TrimPrefix(s.eve.Number(), "+")
	chats := s.call("GET", "/api/v1/messages/sessions/shop/chats?limit=200", nil, 200).list("data")
	names := map[string]string{s.bob.Number(): "Bob", s.eve.Number(): "Eve"} // said with their last messages
	known := 0
	for _, c := range chats {
		phone, _ := c["phone"].(string)
		if want, ok := names[phone]; ok {
			require.Equal(t, want, c.str("name"))
			known++
			continue
		}
		require.Equal(t, "unavailable", c.obj("lastMessage").str("type"), "of whom nothing could be read a place is held: %v", c)
		require.NotContains(t, c.str("id"), "script")
	}
	require.Equal(t, 2, known, "%v", chats)
	theirs := func(chat, phone string) (said []string) {
		for cursor := ""; ; {
			page := s.call("GET", "/api/v1/messages/sessions/shop/chats/"+chat+"/messages?limit=200&cursor="+cursor, nil, 200)
			for _, m := range page.list("data") {
				if m.str("type") == "unavailable" {
					continue
				}
				if m["fromMe"] == true {
					require.Contains(t, []string{"hello too", "the target"}, m.str("text"))
					require.Nil(t, m["editedAt"])
					require.Nil(t, m["revokedAt"])
					continue
				}
				require.Equal(t, phone, m.obj("from").str("phone"), "the sender is who sent it: %v", m)
				if slices.Contains(s.said, m.str("text")) {
					said = append([]string{m.str("text")}, said...)
				} else {
					require.Equal(t, eve, chat, "%v", m)
				}
			}
			if cursor = page.str("nextCursor"); cursor == "" {
				return said
			}
		}
	}
	require.Equal(t, s.said, theirs(bob, s.bob.Number()))
	require.Equal(t, s.said, theirs(eve, s.eve.Number()))
	for _, path := range []string{
		"chats?search=forged", "chats/" + eve + "/messages?search=forged", "chats/" + eve + "/messages?search=" + hostileInURL, "chats?search=" + hostileInURL,
		"chats?unread=true", "chats/" + eve + "/messages?type=document", "chats/" + eve + "/messages?fromMe=true", "chats/" + s.eve.LID() + "/messages",
	} {
		code, raw, _ := s.raw("GET", "/api/v1/messages/sessions/shop/"+path, nil)
		require.Less(t, code, 500, "%s: %s", path, raw)
		require.True(t, utf8.Valid(raw) && json.Valid(raw), path)
	}
	s.streams(len(s.events("shop")))
	require.Equal(t, "connected", s.call("GET", "/api/v1/sessions/shop", nil, 200).str("state"))
	got, err := s.bob.WaitMessages(t.Context(), 0, 0)
	require.NoError(t, err)
	require.Len(t, got, 2, "nothing was sent to Bob")
}

const hostileInURL = "%ff%00%e2%80%ae%27%22%5c"

// streams reads all events from the beginning by WebSocket.
func (s *scene) streams(total int) {
	conn := s.stream(map[string]any{"type": "subscribe", "sessions": []string{"shop"}, "after": 0}).conn
	for seq := int64(0); seq < int64(total); {
		kind, raw, err := conn.Read(s.t.Context())
		require.NoError(s.t, err)
		require.Equal(s.t, websocket.MessageText, kind)
		require.True(s.t, utf8.Valid(raw))
		var o object
		require.NoError(s.t, json.Unmarshal(raw, &o))
		if o.str("event") != "" {
			seq++
			require.Equal(s.t, seq, o.num("seq"))
		}
	}
}

// TestMalformedMessages is a contact whose messages are broken, wrong and deep.
func TestMalformedMessages(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		s := setScene(t, at)
		s.suffer(malformed(t))
		s.check()
	})
}

// TestHugeMessages is a contact whose messages are as large as a frame can be, or nearly.
func TestHugeMessages(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		s := setScene(t, at)
		s.burst(huge(t))
		s.check()
	})
}

// TestUsurpingMessages is a contact who sends what only the own phone may send, and who acts on
// messages of others.
func TestUsurpingMessages(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		s := setScene(t, at)
		s.suffer(usurping(t, s.bob, s.eve, s.target))
		s.check()
		require.Empty(t, s.call("GET", "/api/v1/messages/sessions/shop/chats?search=forged", nil, 200).list("data"))
	})
}

// TestLyingStanzas is a server that takes Eve's messages for those of others, or names them as it
// likes: what does not open with the keys of who is said to have sent it is nobody's.
func TestLyingStanzas(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		s := setScene(t, at)
		bob := types.JID{User: strings.TrimPrefix(s.bob.Number(), "+"), Server: types.DefaultUserServer}
		ana := types.JID{User: strings.TrimPrefix(s.ana.Number(), "+"), Server: types.DefaultUserServer}
		lid := func(p *sandbox.Phone) types.JID {
			jid, err := types.ParseJID(p.LID())
			require.NoError(t, err)
			return jid
		}
		group := types.JID{User: "120363000000000001", Server: types.GroupServer}
		plain := encoded(t, &waE2E.Message{Conversation: proto.String("forged")})
		all := forgeries{}
		for name, attrs := range map[string]map[string]any{
			"Bob":                  {"from": bob, "sender_lid": lid(s.bob), "sender_pn": nil, "addressing_mode": "pn"},
			"Bob, hidden":          {"from": lid(s.bob), "sender_pn": bob},
			"Bob, alone":           {"from": lid(s.bob), "sender_pn": nil},
			"a device of Bob":      {"from": types.JID{User: bob.User, Device: 7, Server: bob.Server}, "sender_pn": nil},
			"Bob's known id":       {"from": lid(s.bob), "sender_pn": bob, "id": s.target},
			"the account":          {"from": ana, "recipient": bob, "sender_pn": nil},
			"the account, hidden":  {"from": lid(s.ana), "recipient": lid(s.bob), "sender_pn": nil},
			"the account as peer":  {"from": ana, "category": "peer", "sender_pn": nil},
			"Bob in a group":       {"from": group, "participant": lid(s.bob), "participant_pn": bob},
			"the account in group": {"from": group, "participant": lid(s.ana), "participant_pn": ana},
			"status of Bob":        {"from": types.StatusBroadcastJID, "participant": lid(s.bob)},
			"nobody in a group":    {"from": group, "participant": nil},
			"a stranger":           {"from": types.JID{User: "299999999999999", Server: types.HiddenUserServer}, "sender_pn": nil},
			"no one":               {"from": types.JID{User: hostileText, Server: types.HiddenUserServer}, "sender_pn": nil},
		} {
			attrs["notify"] = nil
			all[name] = sandbox.Forgery{Plain: plain, Attrs: attrs}
		}
		for name, attrs := range map[string]map[string]any{
			"no id": {"id": nil}, "empty id": {"id": "\u202e"}, "id": {"id": hostileText}, "huge id": {"id": strings.Repeat("A", 1<<17)}, "id of Bob's": {"id": s.target},
			"no time": {"t": nil}, "no number": {"t": "x"}, "long ago": {"t": "-99999999999"}, "far away": {"t": "99999999999999"}, "never": {"t": "9223372036854775807"},
			"name": {"notify": hostileText}, "huge name": {"notify": strings.Repeat("\xf0", 1<<17)}, "kind": {"type": hostileText, "edit": hostileText, "category": hostileText, "addressing_mode": hostileText},
			"no sender": {"from": nil}, "own name": {"notify": nil},
		} {
			all["Eve's with "+name] = sandbox.Forgery{Plain: plain, Attrs: attrs}
		}
		s.suffer(all)
		s.check()
	})
}
