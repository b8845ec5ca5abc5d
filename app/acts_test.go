package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/whatsapp/sandbox"
)

// sees waits until a phone has been told of what was done to a message.
func sees(t testing.TB, p *sandbox.Phone, kind, text, target string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(p.Messages(0), func(m sandbox.Received) bool { return m.Type == kind && m.Text == text && m.TargetID == target })
	}, 60*time.Second, 20*time.Millisecond, "%s of %s did not come", kind, target)
}

// TestActsOnMessages reacts, edits and deletes, in a chat with a person and in groups of both addressings: the
// others see it, and here it is as if the phone had done it.
func TestActsOnMessages(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		chats := []struct{ to, from string }{{bob.Number(), ana.Number()}}
		for _, addressing := range []string{"lid", "pn"} {
			g, err := theWorld.server.NewGroup(t.Context(), sandbox.NewGroup{Subject: addressing, Owner: bob.Number(), Participants: []string{ana.Number()}, Addressing: addressing})
			require.NoError(t, err)
			chats = append(chats, struct{ to, from string }{g.ID, g.ID})
		}
		for _, chat := range chats {
			one := "/api/v1/messages/sessions/shop/chats/" + chat.to + "/messages/"
			ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: chat.from, Text: "theirs in " + chat.to})
			require.NoError(t, err)
			r.awaitText("shop", "theirs in "+chat.to)
			ours := r.call("POST", sends+"message", map[string]any{"to": chat.to, "text": "ours", "quotedMessageId": ids[0]}, 201).str("id")
			got(t, bob, ours)
			for _, id := range []string{ids[0], ours} {
				m := r.call("PUT", one+id+"/reaction", map[string]any{"emoji": "👍"}, 200)
				require.Equal(t, "👍", m.list("reactions")[0].str("emoji"))
				require.Equal(t, ana.Number(), m.list("reactions")[0].obj("from").str("phone"))
				sees(t, bob, "reaction", "👍", id)
				require.Empty(t, r.call("POST", sends+"reaction", map[string]any{"to": chat.to, "messageId": id, "emoji": ""}, 201).list("reactions"))
				sees(t, bob, "reaction", "", id)
			}
			m := r.call("PUT", one+ours, map[string]any{"text": "better"}, 200)
			require.Equal(t, "better", m.str("text"))
			require.NotEmpty(t, m.str("editedAt"))
			require.Equal(t, ids[0], m.obj("quoted").str("id"))
			sees(t, bob, "edit", "better", ours)
			require.Eventually(t, func() bool {
				list := r.call("GET", one+ours+"/receipts", nil, 200).list("data")
				return len(list) == 1 && list[0].str("status") == "delivered" && list[0].obj("by").str("phone") == bob.Number()
			}, 30*time.Second, 20*time.Millisecond)
			require.Equal(t, "not_your_message", r.call("PUT", one+ids[0], map[string]any{"text": "mine"}, 403).str("code"))
			require.Equal(t, "not_your_message", r.call("DELETE", one+ids[0]+"?for=everyone", nil, 403).str("code"))
			r.call("DELETE", one+ours+"?for=everyone", nil, 204)
			sees(t, bob, "revoke", "", ours)
			m = r.call("GET", one+ours, nil, 200)
			require.NotEmpty(t, m.str("revokedAt"))
			require.Empty(t, m.str("text"))
			require.Equal(t, "not_possible", r.call("PUT", one+ours+"/reaction", map[string]any{"emoji": "👍"}, 409).str("code"))
			require.Equal(t, "not_found", r.call("PUT", one+"NEVER/reaction", map[string]any{"emoji": "👍"}, 404).str("code"))
			said := slices.DeleteFunc(r.allMessages(chat.to), func(m object) bool { return m.str("type") == "system" })
			require.Len(t, said, 2, "what acts is no message")
		}
		for name, want := range map[string]int{"message_reaction": 12, "message_edited": 3, "message_revoked": 3} {
			told := slices.DeleteFunc(r.events("shop"), func(e object) bool { return e.str("event") != name })
			require.Len(t, told, want, name)
		}
		r.call("POST", "/api/v1/sessions/shop/stop", nil, 200)
		require.Equal(t, "session_offline", r.call("PUT", "/api/v1/messages/sessions/shop/chats/"+bob.Number()+"/messages/any/reaction", map[string]any{"emoji": "👍"}, 409).str("code"))
	})
}

// TestVotesAnswersAndPinsOfOurs: in polls and events of both sides, in chats of every addressing. What is sealed is
// opened here as what others seal.
func TestVotesAnswersAndPinsOfOurs(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		g, err := theWorld.server.NewGroup(t.Context(), sandbox.NewGroup{Subject: "pn", Owner: bob.Number(), Participants: []string{ana.Number()}, Addressing: "pn"})
		require.NoError(t, err)
		for _, chat := range []struct{ to, from string }{{bob.Number(), ana.Number()}, {g.ID, g.ID}} {
			one := "/api/v1/messages/sessions/shop/chats/" + chat.to + "/messages/"
			theirs, err := bob.Send(t.Context(), sandbox.Outgoing{To: chat.from, Poll: &sandbox.Poll{Name: "Lunch in " + chat.to, Options: []string{"Soup", "Salad"}, Selectable: 1}})
			require.NoError(t, err)
			r.awaitText("shop", "Lunch in "+chat.to)
			ours := r.call("POST", sends+"poll", map[string]any{"to": chat.to, "question": "Dinner?", "options": []string{"Soup", "Salad"}}, 201).str("id")
			got(t, bob, ours)
			for _, id := range []string{theirs[0], ours} {
				for _, choice := range [][]string{{"Soup"}, {"Salad"}, {}} {
					m := r.call("POST", one+id+"/vote", map[string]any{"options": choice}, 200)
					mine, _ := m.obj("poll")["myVotes"].([]any)
					require.Len(t, mine, len(choice))
				}
				require.Eventually(t, func() bool {
					votes := 0
					for _, m := range bob.Messages(0) {
						var vote waE2E.Message
						if m.Type == "vote" && proto.Unmarshal(m.Raw, &vote) == nil && vote.GetPollUpdateMessage().GetPollCreationMessageKey().GetID() == id {
							votes++
						}
					}
					return votes == 3
				}, 60*time.Second, 20*time.Millisecond)
				for _, wrong := range [][]string{{"Soup", "Salad"}, {"Cake"}} {
					require.Equal(t, "options", r.call("POST", one+id+"/vote", map[string]any{"options": wrong}, 422).list("errors")[0].str("field"))
				}
				require.NotEmpty(t, r.call("PUT", one+id+"/pin", map[string]any{"seconds": 86400}, 200).str("pinnedUntil"))
				require.Empty(t, r.call("PUT", one+id+"/pin", map[string]any{"seconds": 0}, 200).str("pinnedUntil"))
			}
			invited, err := bob.Send(t.Context(), sandbox.Outgoing{To: chat.from, Proto: []byte(`{"eventMessage":{"name":"Party","startTime":"1900000000"}}`)})
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				return slices.ContainsFunc(r.allMessages(chat.to), func(m object) bool { return m.str("id") == invited[0] })
			}, 30*time.Second, 20*time.Millisecond)
			for _, word := range []string{"yes", "no"} {
				answers := r.call("POST", one+invited[0]+"/answer", map[string]any{"going": word}, 200).obj("calendarEvent").obj("answers")
				require.Len(t, answers.list(map[string]string{"yes": "going", "no": "notGoing"}[word]), 1)
			}
			sees(t, bob, "answer", "", "")
			require.Equal(t, "not_possible", r.call("POST", one+invited[0]+"/vote", map[string]any{"options": []string{}}, 409).str("code"))
			require.Equal(t, "not_possible", r.call("POST", one+ours+"/answer", map[string]any{"going": "yes"}, 409).str("code"))
		}
	})
}

// TestAdminsDeleteMessagesOfOthers: in a group of which the account is an admin.
func TestAdminsDeleteMessagesOfOthers(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	ana, bob := r.link("shop"), phone(t, "Bob")
	g, err := theWorld.server.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Bakers", Owner: ana.Number(), Participants: []string{bob.Number()}})
	require.NoError(t, err)
	ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: g.ID, Text: "buy cheap watches"})
	require.NoError(t, err)
	r.awaitText("shop", "buy cheap watches")
	one := "/api/v1/messages/sessions/shop/chats/" + g.ID + "/messages/" + ids[0]
	r.call("DELETE", one+"?for=everyone&from="+bob.Number(), nil, 204)
	sees(t, bob, "revoke", "", ids[0])
	require.NotEmpty(t, r.call("GET", one, nil, 200).str("revokedAt"))
}

// TestAnActIsDoneOverAKill: the server is killed after WhatsApp has a reaction and before that is kept; the next one
// does it again under its id, which is the same to those who see it.
func TestAnActIsDoneOverAKill(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := spawnAt(t, at, theWorld.control, "SEND_TIMEOUT=5s")
		ana, bob := r.link("shop"), phone(t, "Bob")
		ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "hello"})
		require.NoError(t, err)
		r.awaitText("shop", "hello")
		t.Cleanup(theWorld.server.ClearFaults)
		require.NoError(t, theWorld.server.AddFaults(sandbox.Fault{Kind: sandbox.FaultAckLost, Phone: ana.Number()}))
		one := "/api/v1/messages/sessions/shop/chats/" + bob.Number() + "/messages/" + ids[0]
		url, token, asked := r.url, r.token, make(chan struct{})
		go func() {
			defer close(asked)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+one+"/reaction", strings.NewReader(`{"emoji":"👍"}`))
			if err != nil {
				return
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			if resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req); err == nil { // it is killed
				_ = resp.Body.Close()
			}
		}()
		sees(t, bob, "reaction", "👍", ids[0])
		r.kill()
		<-asked
		r = spawnAt(t, at, theWorld.control, "SEND_TIMEOUT=5s")
		require.Eventually(t, func() bool {
			return len(r.call("GET", one, nil, 200).list("reactions")) == 1
		}, 2*time.Minute, 100*time.Millisecond)
		told := slices.DeleteFunc(r.events("shop"), func(e object) bool { return e.str("event") != "message_reaction" })
		require.Len(t, told, 1)
		require.Len(t, slices.DeleteFunc(bob.Messages(0), func(m sandbox.Received) bool { return m.Type != "reaction" }), 1)
	})
}
