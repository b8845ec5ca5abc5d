package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// What the server does not know is counted and named, and said in the log once; what it asks for is
// empty, and what it sets is refused.
func TestUnanswered(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	s, err := Open(Config{Root: rootKey(), Log: zap.New(core)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NotNil(t, s.Stats().Unanswered)
	r, _ := rawLogin(t, newPhone(t, s, "12025550100", "Ann"))
	for _, kind := range []string{"get", "get", "set"} {
		answer := r.query(el("iq", attrs{"type": kind, "xmlns": "never:heard:of", "to": serverJID()}, el("dance", nil)))
		require.Equal(t, map[string]string{"get": "result", "set": "error"}[kind], attrString(answer, "type"))
	}
	r.query(el("iq", attrs{"type": "get", "xmlns": "w:mex", "to": serverJID()}, leaf("query", attrs{"query_id": "4711"}, []byte("{}"))))
	r.query(el("iq", attrs{"type": "set", "xmlns": "w:g2", "to": types.GroupServerJID}, el("dissolve", nil)))
	r.send(el("notification", attrs{"id": "N1", "to": serverJID()}, el("news", nil)))
	r.send(el("call", attrs{"id": "C1", "to": serverJID()}, el("offer", nil)))
	require.Equal(t, "call", attrString(r.await("ack"), "class"))
	r.send(el("message", attrs{"id": "M1", "to": types.NewJID("1203631", types.NewsletterServer)}))
	require.Equal(t, "404", attrString(r.await("ack"), "error"))
	require.Equal(t, map[string]uint64{
		"never:heard:of/dance": 3, "w:g2/dissolve": 1, "w:mex/4711": 1, "notification/news": 1, "call/offer": 1, "message/newsletter": 1,
	}, s.Stats().Unanswered)
	require.Equal(t, 6, logged.FilterMessage("sandbox does not know what a client wants").Len())

	for i := range 2 * maxUnanswered {
		r.query(el("iq", attrs{"type": "get", "xmlns": fmt.Sprint("space", i) + strings.Repeat("x", maxQueryName), "to": serverJID()}))
	}
	counted := s.Stats().Unanswered
	require.Len(t, counted, maxUnanswered+1)
	require.EqualValues(t, maxUnanswered+6, counted[restUnanswered])
	for name := range counted {
		require.LessOrEqual(t, len(name), 2*maxQueryName+1)
	}
}

// What the sandbox keeps nothing of is not said to be done.
func TestSetsThatAreNotKept(t *testing.T) {
	s := openServer(t)
	r, _ := rawLogin(t, newPhone(t, s, "12025550100", "Ann"))
	for _, q := range []struct {
		xmlns string
		what  node
	}{
		{"blocklist", el("item", attrs{"action": "block", "jid": types.NewJID("1", types.HiddenUserServer)})},
		{"blocklist", el("item", attrs{"action": "shun", "jid": types.NewJID("12025550100", types.DefaultUserServer)})},
		{"status", leaf("status", nil, []byte("busy"))},
		{"disappearing_mode", el("disappearing_mode", attrs{"duration": "86400"})},
		{"urn:xmpp:whatsapp:push", el("config", attrs{"platform": "gcm"})},
		{"passive", el("passive", nil)},
		{"tos", el("notice", attrs{"id": "1"})},
		{"w:mex", leaf("query", attrs{"query_id": "9152604461510864"}, []byte("{}"))},
		{"privacy", el("privacy", nil, el("category", attrs{"name": "shoes", "value": "all"}))},
		{"privacy", el("privacy", nil, el("category", attrs{"name": "readreceipts", "value": "some"}))},
		{"privacy", el("privacy", nil)},
	} {
		answer := r.query(el("iq", attrs{"type": "set", "xmlns": q.xmlns, "to": serverJID()}, q.what))
		require.Equal(t, "error", attrString(answer, "type"), q.xmlns)
	}
}

// The privacy settings are kept, for all companions, and over a restart.
func TestPrivacyIsKept(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Config{Root: rootKey(), DataDir: dir, Log: testLog(t)})
	require.NoError(t, err)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	first := linked(t, s, ann)
	waitGreeting(t, first, ann)
	second := linked(t, s, ann)
	second.settle()
	require.Equal(t, types.PrivacySettingAll, second.GetPrivacySettings(within(t)).ReadReceipts)
	_, err = first.SetPrivacySetting(within(t), types.PrivacySettingTypeReadReceipts, types.PrivacySettingNone)
	require.NoError(t, err)
	waitEvents(second, 1, func(e *events.PrivacySettings) bool { return e.ReadReceiptsChanged })
	require.Equal(t, types.PrivacySettingNone, second.GetPrivacySettings(within(t)).ReadReceipts)

	other := linked(t, s, bob)
	waitGreeting(t, other, bob)
	for range 2 { // clients give their token more than once
		first.say(jidOf(bob), "I trust you")
	}
	require.Eventually(t, func() bool {
		token, err := other.Store.PrivacyTokens.GetPrivacyToken(within(t), lidOf(ann))
		return err == nil && token != nil && len(token.Token) > 0
	}, patience, 5*time.Millisecond)
	for _, c := range []*client{first, second, other} {
		c.Disconnect()
	}
	require.Empty(t, s.Stats().Unanswered, "whatsmeow gets by without what the sandbox does not know")
	require.NoError(t, s.Close())

	s, err = Open(Config{Root: rootKey(), DataDir: dir, Log: testLog(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	a := mustPhone(t, s, "12025550100").account
	require.False(t, a.showsReads())
	require.Contains(t, a.trusted, bob.account.lid)
}
