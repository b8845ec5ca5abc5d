package whatsapp_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// grammar makes stanzas that are nearly right: tags, attributes and values are those that
// whatsmeow looks for, in any combination.
type grammar struct {
	*rand.Rand
	own, other types.JID
	ids        []string // of messages that exist
}

var hostileTags = []string{
	"message", "receipt", "receipt", "receipt", "notification", "notification", "call", "presence", "chatstate", "ib", "iq", "status", "appdata", "ack",
}

var hostileTypes = map[string][]string{
	"receipt": {"", "read", "read-self", "played", "played-self", "sender", "inactive", "peer_msg", "hist_sync", "server-error", "enc_rekey_retry", "x"},
	"notification": {
		"encrypt", "server_sync", "account_sync", "devices", "fbid:devices", "w:gp2", "picture", "mediaretry", "privacy_token",
		"link_code_companion_reg", "newsletter", "mex", "status", "psa", "business", "contacts", "passkey_prologue_request", "crsc_continuation", "disappearing_mode", "x",
	},
	"presence":  {"available", "unavailable", "x"},
	"chatstate": {"composing", "paused"},
	"message":   {"text", "media", "reaction", "poll", "x"},
	"iq":        {"result", "error"},
	"call":      {""},
}

var hostileChildren = []string{
	"list", "item", "participants", "user", "enc", "unavailable", "plaintext", "meta", "bot", "identity", "count", "collection", "device", "devices", "add", "remove",
	"update", "set", "delete", "offer", "offer_notice", "relaylatency", "accept", "preaccept", "transport", "terminate", "reject", "composing", "paused", "tokens",
	"token", "offline", "offline_preview", "edge_routing", "dirty", "retry", "registration", "keys", "create", "subject", "promote", "demote", "ephemeral", "picture",
	"blocklist", "privacy", "category", "disappearing_mode", "status", "message", "live_updates", "messages", "message_id", "error", "ping", "key-index-list", "sync",
}

var hostileNames = []string{
	"id", "from", "to", "participant", "recipient", "type", "t", "notify", "offline", "count", "name", "version", "jid", "lid", "hash", "author", "value", "v", "key",
	"sender_pn", "sender_lid", "participant_pn", "participant_lid", "peer_recipient_pn", "peer_recipient_lid", "addressing_mode", "category", "edit", "last", "media",
	"call-id", "call-creator", "platform", "e", "server_id", "error", "code", "phone_number", "duration", "dhash", "mediatype", "decrypt-fail", "user_reason",
}

func (g *grammar) pick(list []string) string { return list[g.IntN(len(list))] }

func (g *grammar) jid() types.JID {
	switch g.IntN(10) {
	case 0:
		return g.own
	case 1:
		return types.ServerJID
	case 2:
		return types.NewJID("120363000000000000", types.GroupServer)
	case 3:
		return types.NewJID("120363000000000001", types.NewsletterServer)
	case 4:
		return types.StatusBroadcastJID
	case 5:
		return types.NewJID(fmt.Sprint(g.Uint32()), g.pick([]string{types.DefaultUserServer, types.HiddenUserServer, types.BotServer, types.HostedServer, types.LegacyUserServer}))
	case 6:
		j := g.other
		j.Device = uint16(g.IntN(100))
		return j
	case 7:
		return types.NewJID("", types.DefaultUserServer)
	}
	return g.other
}

func (g *grammar) value() any {
	switch g.IntN(9) {
	case 0, 1:
		return g.jid()
	case 2, 3:
		return g.pick(g.ids)
	case 4:
		return fmt.Sprint(g.Int64() >> g.IntN(64))
	case 5:
		return g.pick([]string{"", "0", "-1", "true", "lid", "pn", "2", "3", "set", "regular", "critical_block", "\x00", "\xff\xfe", "\u202e", "a/b%2F", "7", "peer", "hide"})
	case 6:
		return strings.Repeat("A", g.IntN(3000))
	case 7:
		return g.pick([]string{"1@s.whatsapp.net", "@", "a:b:c@lid", "1.2:3@lid", "@g.us"})
	}
	return fmt.Sprint(time.Now().Unix())
}

func (g *grammar) node(tag string, depth int) waBinary.Node {
	n := waBinary.Node{Tag: tag, Attrs: waBinary.Attrs{}}
	for range g.IntN(6) {
		n.Attrs[g.pick(hostileNames)] = g.value()
	}
	switch g.IntN(4) {
	case 0:
		raw := make([]byte, g.IntN(60))
		for i := range raw {
			raw[i] = byte(g.IntN(256))
		}
		n.Content = raw
	case 1, 2:
		if depth > 0 {
			children := make([]waBinary.Node, 0, 3)
			for range 1 + g.IntN(3) {
				children = append(children, g.node(g.pick(hostileChildren), depth-1))
			}
			n.Content = children
		}
	}
	return n
}

// stanza is a node whose head is mostly as it should be.
func (g *grammar) stanza() waBinary.Node {
	n := g.node(g.pick(hostileTags), 3)
	if g.IntN(10) > 0 {
		n.Attrs["from"], n.Attrs["id"], n.Attrs["t"] = g.jid(), g.pick(g.ids), fmt.Sprint(time.Now().Unix())
		if kinds := hostileTypes[n.Tag]; kinds != nil {
			n.Attrs["type"] = g.pick(kinds)
		}
	}
	if n.Tag == "receipt" && g.IntN(2) == 0 {
		var items []waBinary.Node
		for range g.IntN(6) {
			items = append(items, waBinary.Node{Tag: "item", Attrs: waBinary.Attrs{"id": g.value()}})
		}
		n.Content = []waBinary.Node{{Tag: "list", Content: items}}
	}
	return n
}

// TestHostileStanzas hands a session stanzas of every kind that no server should send. It stays
// connected, and what honest people write comes before and after. Some are the same every time.
func TestHostileStanzas(t *testing.T) {
	for _, seed := range []uint64{1, 2, uint64(time.Now().UnixNano())} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { hostile(t, seed, 2000) })
	}
}

func hostile(t *testing.T, seed uint64, n int) {
	t.Helper()
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	g := &grammar{Rand: rand.New(rand.NewPCG(seed, 1)), ids: []string{"3EB0UNKNOWN", "3EB0UNKNOWN\u202e", "", strings.Repeat("x", 1000)}}
	var err error
	g.other, err = types.ParseJID(bob.LID())
	require.NoError(t, err)
	g.own, err = types.ParseJID(p.LID())
	require.NoError(t, err)
	for i := range 5 {
		m, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text(fmt.Sprint("hello ", i))})
		require.NoError(t, err)
		g.ids = append(g.ids, m.ID)
	}
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "before"})
	require.NoError(t, err)
	r.texts("shop", chatOf(bob), 6)
	s.ForgetRecent()
	for range n {
		_ = s.Stanza(t.Context(), g.stanza()) // some have no binary form
	}
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "after"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { // among places that are held for what could not be read
		return slices.Contains(r.texts("shop", chatOf(bob), 7), "text after")
	}, 30*time.Second, 5*time.Millisecond)
	require.Zero(t, r.disconnects("shop"))
}
