package app

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/whatsapp/sandbox"
	"whatsapp-api/whatsapp/sandbox/nodetest"
)

const sends = "/api/v1/messages/sessions/shop/send/"

// got waits for a message to come to a phone, and reads it.
func got(t testing.TB, p *sandbox.Phone, id string) *waE2E.Message {
	t.Helper()
	var m waE2E.Message
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(p.Messages(0), func(r sandbox.Received) bool {
			return r.ID == id && proto.Unmarshal(r.Raw, &m) == nil
		})
	}, 60*time.Second, 20*time.Millisecond, "message %s did not come", id)
	return &m
}

// kindsOf are requests of every kind that has no file, to somebody, with what makes sure of what came.
func kindsOf(to string) []struct {
	kind  string
	body  map[string]any
	shows func(object) bool
	came  func(*waE2E.Message) bool
} {
	return []struct {
		kind  string
		body  map[string]any
		shows func(object) bool
		came  func(*waE2E.Message) bool
	}{
		{
			"location",
			map[string]any{"to": to, "latitude": 40.4168, "longitude": -3.7038, "name": "Bakery", "address": "Calle Mayor 1"},
			func(m object) bool {
				return m.obj("location").str("name") == "Bakery" && m.obj("location")["latitude"] == 40.4168
			},
			func(m *waE2E.Message) bool {
				l := m.GetLocationMessage()
				return l.GetDegreesLongitude() == -3.7038 && l.GetAddress() == "Calle Mayor 1" && l.URL == nil
			},
		},
		{
			"contact",
			map[string]any{"to": to, "contacts": []any{map[string]any{"name": "Bob; the baker", "phones": []string{"+34 600 11 22 33"}, "emails": []string{"bob@example.com"}}}},
			func(m object) bool {
				c := m.list("contacts")
				return len(c) == 1 && c[0].str("name") == "Bob; the baker" && c[0].list("phones")[0].str("id") == "34600112233@s.whatsapp.net"
			},
			func(m *waE2E.Message) bool { return m.GetContactMessage().GetDisplayName() == "Bob; the baker" },
		},
		{
			"contact",
			map[string]any{"to": to, "contacts": []any{
				map[string]any{"name": "Ann", "phones": []string{"112"}}, map[string]any{"vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:Cleo\nEND:VCARD"},
			}},
			func(m object) bool { return len(m.list("contacts")) == 2 && m.str("text") == "Ann, Cleo" },
			func(m *waE2E.Message) bool {
				c := m.GetContactsArrayMessage().GetContacts()
				return len(c) == 2 && c[1].GetVcard() == "BEGIN:VCARD\nVERSION:3.0\nFN:Cleo\nEND:VCARD"
			},
		},
		{
			"poll",
			map[string]any{"to": to, "question": "Which bread?", "options": []string{"Rye", "Wheat", "Spelt"}},
			func(m object) bool {
				return m.obj("poll").str("question") == "Which bread?" && len(m.obj("poll").list("options")) == 3 && m.obj("poll").num("maxSelections") == 1
			},
			func(m *waE2E.Message) bool {
				return m.GetPollCreationMessage().GetSelectableOptionsCount() == 1 && len(m.GetMessageContextInfo().GetMessageSecret()) == 32
			},
		},
		{
			"event",
			map[string]any{"to": to, "name": "Tasting", "startsAt": "2030-05-01T10:00:00Z", "endsAt": "2030-05-01T12:00:00+01:00", "location": map[string]any{"name": "Bakery"}},
			func(m object) bool {
				e := m.obj("calendarEvent")
				return e.str("name") == "Tasting" && e.str("endsAt") == "2030-05-01T11:00:00.000Z" && e.obj("location").str("name") == "Bakery"
			},
			func(m *waE2E.Message) bool {
				return m.GetEventMessage().GetStartTime() == 1903860000 && len(m.GetMessageContextInfo().GetMessageSecret()) == 32
			},
		},
	}
}

// TestKindsWithoutFiles sends one of each kind, to a person and into a group: the phone there has it, the store
// has it, and a repetition with the same key is the same message.
func TestKindsWithoutFiles(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		g, err := theWorld.server.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Bakers", Owner: bob.Number(), Participants: []string{ana.Number()}})
		require.NoError(t, err)
		for i, to := range []string{bob.Number(), g.ID} {
			for _, k := range kindsOf(to) {
				key := to + string(rune('a'+i)) + k.kind + time.Now().String()
				sent := r.call("POST", sends+k.kind, k.body, 201, "Idempotency-Key", key)
				require.Equal(t, sent.str("id"), r.call("POST", sends+k.kind, k.body, 201, "Idempotency-Key", key).str("id"))
				require.Equal(t, k.kind, sent.str("type"))
				require.True(t, k.shows(sent), "%v", sent)
				require.True(t, k.came(got(t, bob, sent.str("id"))), k.kind)
				require.True(t, k.shows(r.call("GET", "/api/v1/messages/sessions/shop/chats/"+to+"/messages/"+sent.str("id"), nil, 200)))
			}
		}
	})
}

// TestVotesInAPollOfOurs: the secret with which votes are sealed is kept, also over a restart.
func TestVotesInAPollOfOurs(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		id := r.call("POST", sends+"poll", map[string]any{"to": bob.Number(), "question": "Lunch?", "options": []string{"Soup", "Salad"}, "maxSelections": 0}, 201).str("id")
		got(t, bob, id)
		r.stop()
		r = start(t, at)
		r.awaitState("shop", "connected")
		for _, choice := range [][]string{{"Soup"}, {"Soup", "Salad"}, {}} {
			_, err := bob.Vote(t.Context(), ana.Number(), id, choice...)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				m := r.call("GET", "/api/v1/messages/sessions/shop/chats/"+bob.Number()+"/messages/"+id, nil, 200)
				votes := int64(0)
				for _, o := range m.obj("poll").list("options") {
					votes += o.num("votes")
				}
				return votes == int64(len(choice))
			}, 30*time.Second, 20*time.Millisecond)
		}
	})
}

// TestAnswersToAnEventOfOurs: the secret with which answers are sealed is kept.
func TestAnswersToAnEventOfOurs(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		id := r.call("POST", sends+"event", map[string]any{"to": bob.Number(), "name": "Tasting", "startsAt": "2030-05-01T10:00:00Z"}, 201).str("id")
		got(t, bob, id)
		for _, word := range []string{"maybe", "yes", "no"} {
			_, err := bob.Answer(t.Context(), ana.Number(), id, word, 0)
			require.NoError(t, err)
			list := map[string]string{"maybe": "maybe", "yes": "going", "no": "notGoing"}[word]
			require.Eventually(t, func() bool {
				m := r.call("GET", "/api/v1/messages/sessions/shop/chats/"+bob.Number()+"/messages/"+id, nil, 200)
				return len(m.obj("calendarEvent").obj("answers").list(list)) == 1
			}, 30*time.Second, 20*time.Millisecond)
		}
	})
}

// TestFieldsOfAllSends: a private answer to a message of a group, everybody mentioned, a timer of its own.
func TestFieldsOfAllSends(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		g, err := theWorld.server.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Bakers", Owner: bob.Number(), Participants: []string{ana.Number()}})
		require.NoError(t, err)
		ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: g.ID, Text: "Who is there?"})
		require.NoError(t, err)
		r.awaitText("shop", "Who is there?")
		answer := r.call("POST", sends+"message", map[string]any{"to": bob.Number(), "text": "I am", "quotedMessageId": ids[0], "quotedChatId": g.ID}, 201)
		require.Equal(t, g.ID, answer.obj("quoted").str("chatId"))
		about := got(t, bob, answer.str("id")).GetExtendedTextMessage().GetContextInfo()
		require.Equal(t, g.ID, about.GetRemoteJID())
		require.Equal(t, ids[0], about.GetStanzaID())
		require.Equal(t, "Who is there?", about.GetQuotedMessage().GetConversation())

		all := r.call("POST", sends+"location", map[string]any{"to": g.ID, "latitude": 1, "longitude": 2, "mentionsAll": true, "ephemeralSeconds": 86400}, 201)
		require.Equal(t, true, all["mentionsAll"])
		require.EqualValues(t, 86400, all.obj("ephemeral").num("seconds"))
		about = got(t, bob, all.str("id")).GetLocationMessage().GetContextInfo()
		require.EqualValues(t, 1, about.GetNonJIDMentions())
		require.EqualValues(t, 86400, about.GetExpiration())
		require.Zero(t, r.call("GET", "/api/v1/messages/sessions/shop/chats/"+g.ID, nil, 200).num("ephemeralSeconds"), "one message's timer is not the chat's")
	})
}

// TestQueuedWhileOffline: a session that is offline refuses, or keeps what may wait and sends it when it is back.
func TestQueuedWhileOffline(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		r.link("shop")
		bob, cleo := phone(t, "Bob"), phone(t, "Cleo")
		r.call("POST", sends+"message", map[string]any{"to": bob.Number(), "text": "first"}, 201)
		r.call("POST", "/api/v1/sessions/shop/stop", nil, 200)
		poll := map[string]any{"to": bob.Number(), "question": "When?", "options": []string{"Now", "Later"}}
		require.Equal(t, "session_offline", r.call("POST", sends+"poll", poll, 409).str("code"))
		poll["queue"] = true
		waits := r.call("POST", sends+"poll", poll, 202, "Idempotency-Key", "poll")
		require.Equal(t, "queued", waits.str("status"))
		require.Equal(t, waits.str("id"), r.call("POST", sends+"poll", poll, 202, "Idempotency-Key", "poll").str("id"))
		stranger := r.call("POST", sends+"message", map[string]any{"to": cleo.Number(), "text": "we have never met", "queue": true}, 202)
		nobody := r.call("POST", sends+"message", map[string]any{"to": "+34 999 999 999", "text": "nobody", "queue": true}, 202)
		r.call("POST", "/api/v1/sessions/shop/listen", nil, 200)
		require.Equal(t, "When?", got(t, bob, waits.str("id")).GetPollCreationMessage().GetName())
		require.Equal(t, "we have never met", got(t, cleo, stranger.str("id")).GetConversation())
		failed := r.awaitEvent("shop", 0, named("message_error"))
		require.Equal(t, nobody.str("id"), failed.obj("data").obj("message").str("id"))
		require.Equal(t, "not_on_whatsapp", failed.obj("data").str("code"))
		require.Len(t, r.allMessages(cleo.Number()), 1)
	})
}

// TestKindsWithAnIndependentClient sends one of each kind to a client of another library, which reads it as it
// was meant.
func TestKindsWithAnIndependentClient(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	info := theWorld.server.Info()
	b := nodetest.StartBaileys(t, info.WebSocketURL, info.CaPem, t.TempDir())
	r.link("shop")
	bob := phone(t, "Bob")
	_, err := bob.Scan(t.Context(), b.Wait("qr", nil).QR)
	require.NoError(t, err)
	b.Wait("caughtUp", nil)
	for _, k := range kindsOf(bob.Number()) {
		id := r.call("POST", sends+k.kind, k.body, 201).str("id")
		raw, err := base64.StdEncoding.DecodeString(b.Wait("message", func(e nodetest.Event) bool { return e.ID == id && e.Raw != "" }).Raw)
		require.NoError(t, err)
		var m waE2E.Message
		require.NoError(t, proto.Unmarshal(raw, &m))
		require.True(t, k.came(&m), "%s: %v", k.kind, &m)
	}
}
