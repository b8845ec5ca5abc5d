package app

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/whatsapp/convert"
	"whatsapp-api/whatsapp/sandbox"
	"whatsapp-api/whatsapp/sandbox/nodetest"
)

// club is a group of the session's account and of somebody who writes there with a client of another
// library.
type club struct {
	*rig
	b          *nodetest.Baileys
	ana, bob   *sandbox.Phone
	id         string
	addressing string
}

// TestGroupsWithAnIndependentClient has an unmodified client of another library take part in groups of
// both forms of address: messages go both ways, acts change what they are about, and whatever else it
// sends, honest or not, the session stays connected, misses nothing and goes on sending.
func TestGroupsWithAnIndependentClient(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at)
		info := theWorld.server.Info()
		b := nodetest.StartBaileys(t, info.WebSocketURL, info.CaPem, t.TempDir())
		ana, bob := r.link("shop"), phone(t, "Bob")
		qr := b.Wait("qr", nil)
		_, err := bob.Scan(t.Context(), qr.QR)
		require.NoError(t, err)
		b.Wait("caughtUp", nil)
		for _, addressing := range []string{"lid", "pn"} {
			g, err := theWorld.server.NewGroup(t.Context(), sandbox.NewGroup{
				Subject: "Club " + addressing, Owner: bob.Number(), Participants: []string{ana.Number()}, Addressing: addressing,
			})
			require.NoError(t, err)
			c := &club{rig: r, b: b, ana: ana, bob: bob, id: g.ID, addressing: addressing}
			c.talk()
			c.vote()
			c.receipts()
			c.everyKind()
			c.stillThere()
		}
		require.Zero(t, len(slices.DeleteFunc(r.events("shop"), func(e object) bool {
			return e.str("event") != "session_disconnected" && e.str("event") != "session_degraded"
		})), "the session was not connected all the time")
	})
}

// say has the client write, and waits until the session has it.
func (c *club) say(text string) (id string) {
	c.t.Helper()
	id = c.b.Do("sent", map[string]any{"do": "send", "to": c.id, "text": text}).ID
	c.awaitText("shop", text)
	return id
}

// answer has the session write, and waits until the client has it.
func (c *club) answer(text string) (id string) {
	c.t.Helper()
	id = c.send(map[string]any{"to": c.id, "text": text})
	require.Equal(c.t, text, c.b.Message(id).Text)
	return id
}

// is waits until a message of the group is as it should.
func (c *club) is(id string, as func(object) bool) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		return slices.ContainsFunc(c.allMessages(c.id), func(m object) bool { return m.str("id") == id && as(m) })
	}, 30*time.Second, 20*time.Millisecond)
}

func (c *club) act(kind, on, text string) {
	c.t.Helper()
	c.b.Do("sent", map[string]any{"do": "act", "act": kind, "to": c.id, "on": on, "text": text})
}

// talk is messages both ways, and acts on those of both.
func (c *club) talk() {
	theirs := c.say("hello over " + c.addressing)
	ours := c.answer("welcome over " + c.addressing)
	for _, id := range []string{theirs, ours} {
		c.act("react", id, "👍")
		c.is(id, func(m object) bool {
			all := m.list("reactions")
			return len(all) == 1 && all[0].str("emoji") == "👍" && all[0].obj("from").str("lid") == c.bob.LID() && all[0].obj("from").str("phone") == c.bob.Number()
		})
		c.act("react", id, "")
		c.is(id, func(m object) bool { return len(m.list("reactions")) == 0 })
	}
	c.act("edit", theirs, "hello again")
	c.is(theirs, func(m object) bool { return m.str("text") == "hello again" && m.str("editedAt") != "" })
	c.act("delete", theirs, "")
	c.is(theirs, func(m object) bool { return m.str("revokedAt") != "" && m.str("text") == "" })
}

// vote is a poll of the client and one of the account's phone, in which the client votes.
func (c *club) vote() {
	options := []string{"soup", "salad"}
	theirs := c.b.Do("sent", map[string]any{"do": "poll", "to": c.id, "text": "Lunch?", "options": options}).ID
	c.is(theirs, func(m object) bool { return m.obj("poll").str("question") == "Lunch?" })
	ids, err := c.ana.Send(c.t.Context(), sandbox.Outgoing{To: c.id, Poll: &sandbox.Poll{Name: "Dinner?", Options: options, Selectable: 1}})
	require.NoError(c.t, err)
	c.b.Wait("message", func(e nodetest.Event) bool { return e.ID == ids[0] })
	for _, poll := range []string{theirs, ids[0]} {
		for _, choice := range []string{"soup", "salad"} {
			c.b.Do("sent", map[string]any{"do": "vote", "to": c.id, "on": poll, "options": []string{choice}, "lid": c.addressing == "lid"})
			c.is(poll, func(m object) bool {
				return slices.ContainsFunc(m.obj("poll").list("options"), func(o object) bool { return o.str("text") == choice && o.num("votes") == 1 })
			})
		}
	}
}

// receipts are of messages that are not, of one message many times, and from a second device of one
// who has confirmed it already.
func (c *club) receipts() {
	id := c.answer("read this over " + c.addressing)
	me := map[string]string{"lid": c.ana.LID(), "pn": strings.TrimPrefix(c.ana.Number(), "+") + "@s.whatsapp.net"}[c.addressing]
	for _, kind := range []string{"read", "played", "read", "read-self", "inactive", "server-error", "x"} {
		for _, ids := range [][]string{{id, id, id}, {"3EB0NEVER"}, {"3EB0NEVER", id, "3EB0NEVER", ""}, slices.Repeat([]string{id}, 300)} {
			c.b.Do("done", map[string]any{"do": "receipt", "to": c.id, "participant": me, "messages": ids, "type": kind})
		}
	}
	_, err := c.bob.WaitMessages(c.t.Context(), 0, 1)
	require.NoError(c.t, err)
	c.is(id, func(m object) bool { return m.str("status") == "played" })
	played := 0
	for _, e := range c.events("shop") {
		if e.str("event") == "message_status" && e.obj("data").str("messageId") == id && e.obj("data").str("status") == "played" {
			played++
		}
	}
	require.Equal(c.t, 1, played, "each person tells each status once")
}

// everyKind is every field of a message once, filled as badly as can be, as far as the client knows it.
// What a person would see is kept.
func (c *club) everyKind() {
	fields := (&waE2E.Message{}).ProtoReflect().Descriptor().Fields()
	visible := map[string]string{}
	for i := range fields.Len() {
		m := &waE2E.Message{}
		spoilField(m.ProtoReflect(), fields.Get(i), 2)
		raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
		if err != nil {
			continue // it has no binary form that another library would read
		}
		sent := c.b.Do("sent", map[string]any{"do": "proto", "to": c.id, "raw": base64.StdEncoding.EncodeToString(raw)})
		made, err := base64.StdEncoding.DecodeString(sent.Raw)
		require.NoError(c.t, err)
		var got waE2E.Message
		if proto.Unmarshal(made, &got) == nil && convert.Read(&got).Class == convert.ClassMessage {
			visible[sent.ID] = string(fields.Get(i).Name())
		}
	}
	c.say("after all kinds over " + c.addressing)
	listed := map[string]bool{}
	for _, m := range c.allMessages(c.id) {
		listed[m.str("id")] = true
	}
	for id, kind := range visible {
		require.True(c.t, listed[id], "%s is missing", kind)
	}
	require.Greater(c.t, len(visible), 30)
}

// stillThere is that the session lives as before.
func (c *club) stillThere() {
	c.awaitState("shop", "connected")
	id := c.answer("still here over " + c.addressing)
	require.Eventually(c.t, func() bool {
		return slices.ContainsFunc(c.bob.Messages(0), func(m sandbox.Received) bool { return m.ID == id })
	}, 30*time.Second, 20*time.Millisecond)
	c.say("me too over " + c.addressing)
}
