package whatsapp

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

var aGroup = types.NewJID("120363000000000042", types.GroupServer)

// left is the notification that a member has left.
func left(who types.JID) *waBinary.Node {
	return &waBinary.Node{Tag: "notification", Attrs: waBinary.Attrs{"from": aGroup, "type": "w:gp2", "id": "77", "t": "1700000000"}, Content: []waBinary.Node{
		{Tag: "remove", Attrs: waBinary.Attrs{}, Content: []waBinary.Node{{Tag: "participant", Attrs: waBinary.Attrs{"jid": who}}}},
	}}
}

// TestMembersAreChangedInPlace has a member leave a group while a send holds the list of members:
// whatsmeow must still write into that list where nobody keeps it from doing so, and must not where
// the notification was marked.
func TestMembersAreChangedInPlace(t *testing.T) {
	ann, bob := types.NewJID("1001", types.HiddenUserServer), types.NewJID("1002", types.HiddenUserServer)
	wa := whatsmeow.NewClient(&wastore.Device{}, nil).DangerousInternals()
	remembered := func() []types.JID {
		wa.CacheGroupInfo(&types.GroupInfo{JID: aGroup, Participants: []types.GroupParticipant{{JID: ann}, {JID: bob}}}, true)
		cached, err := wa.GetCachedGroupData(t.Context(), aGroup)
		require.NoError(t, err)
		return cached.Members
	}
	held := remembered()
	_, _, _, err := wa.ParseGroupNotification(left(ann))
	require.NoError(t, err)
	require.Equal(t, []types.JID{bob, bob}, held, "whatsmeow no longer writes into a list that a send may be reading: mark and memberships are not needed any more")

	held = remembered()
	n := left(ann)
	mark(n)
	_, _, _, err = wa.ParseGroupNotification(n)
	require.NoError(t, err)
	require.Equal(t, []types.JID{ann, bob}, held, "whatsmeow wrote into a list that a send may be reading")
}

// TestGroupNotificationsHaveTheirID has whatsmeow read notifications that were marked.
func TestGroupNotificationsHaveTheirID(t *testing.T) {
	wa := whatsmeow.NewClient(&wastore.Device{}, nil).DangerousInternals()
	n := left(types.NewJID("1001", types.HiddenUserServer))
	mark(n)
	got, _, _, err := wa.ParseGroupNotification(n)
	require.NoError(t, err)
	e := got.(*events.GroupInfo)
	require.Equal(t, "77", stanzaOf(e))
	require.Equal(t, aGroup, e.JID.ToNonAD())
	require.Len(t, e.Leave, 1)
	raw, err := waBinary.Marshal(waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"to": n.Attrs["from"]}})
	require.NoError(t, err)
	plain, err := waBinary.Marshal(waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"to": aGroup}})
	require.NoError(t, err)
	require.Equal(t, plain, raw, "the acknowledgement is as if nothing had been marked")

	n = &waBinary.Node{Tag: "notification", Attrs: waBinary.Attrs{"from": aGroup, "type": "w:gp2", "id": "78", "t": "1700000001"}, Content: []waBinary.Node{
		{Tag: "create", Content: []waBinary.Node{{Tag: "group", Attrs: waBinary.Attrs{
			"id": aGroup.User, "subject": "Friends", "s_t": "1700000000", "creation": "1700000000",
		}}}},
	}}
	mark(n)
	got, _, _, err = wa.ParseGroupNotification(n)
	require.NoError(t, err)
	at, id := creationOf(got.(*events.JoinedGroup))
	require.Equal(t, "1700000001", at)
	require.Equal(t, "78", id)
}
