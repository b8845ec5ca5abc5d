package keys_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func testContacts(t *testing.T, wa *wastore.Device) {
	s, ann := wa.Contacts, pn("111")
	check := func(want types.ContactInfo) {
		t.Helper()
		got, err := s.GetContact(ctx, ann)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	check(types.ContactInfo{})
	changed, before, err := s.PutPushName(ctx, ann, "")
	require.NoError(t, err)
	assert.False(t, changed)
	assert.Empty(t, before)
	check(types.ContactInfo{})

	for _, c := range []struct {
		name    string
		changed bool
		before  string
	}{{"Ann", true, ""}, {"Ann", false, ""}, {"Anne", true, "Ann"}} {
		changed, before, err = s.PutPushName(ctx, ann, c.name)
		require.NoError(t, err)
		assert.Equal(t, c.changed, changed)
		assert.Equal(t, c.before, before)
	}
	changed, before, err = s.PutBusinessName(ctx, ann, "Ann & Co")
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Empty(t, before)
	changed, _, err = s.PutBusinessName(ctx, ann, "Ann & Co")
	require.NoError(t, err)
	assert.False(t, changed)
	require.NoError(t, s.PutContactName(ctx, ann, "A.", "Ann Other"))
	require.NoError(t, s.PutContactName(ctx, ann, "A.", "Ann Other"))
	check(types.ContactInfo{Found: true, FirstName: "A.", FullName: "Ann Other", PushName: "Anne", BusinessName: "Ann & Co"})

	bob := pn("222")
	require.NoError(t, s.PutContactName(ctx, bob, "", ""))
	got, err := s.GetContact(ctx, bob)
	require.NoError(t, err)
	assert.False(t, got.Found)
}

func testManyContacts(t *testing.T, wa *wastore.Device) {
	s := wa.Contacts
	all, err := s.GetAllContacts(ctx)
	require.NoError(t, err)
	assert.Empty(t, all)
	require.NoError(t, s.PutAllContactNames(ctx, nil))
	require.NoError(t, s.PutManyRedactedPhones(ctx, nil))

	_, _, err = s.PutPushName(ctx, pn("1"), "Push")
	require.NoError(t, err)
	require.NoError(t, s.PutAllContactNames(ctx, []wastore.ContactEntry{
		{JID: lid("2")}, {JID: pn("1"), FirstName: "F", FullName: "Full"},
	}))
	require.NoError(t, s.PutManyRedactedPhones(ctx, []wastore.RedactedPhoneEntry{
		{JID: lid("2"), RedactedPhone: "+34…1"}, {JID: lid("3"), RedactedPhone: "+34…3"},
	}))
	want := map[types.JID]types.ContactInfo{
		pn("1"):  {Found: true, FirstName: "F", FullName: "Full", PushName: "Push"},
		lid("2"): {Found: true, RedactedPhone: "+34…1"},
		lid("3"): {Found: true, RedactedPhone: "+34…3"},
	}
	all, err = s.GetAllContacts(ctx)
	require.NoError(t, err)
	assert.Equal(t, want, all)
	for jid, info := range want {
		got, err := s.GetContact(ctx, jid)
		require.NoError(t, err)
		assert.Equal(t, info, got)
	}
	many := make([]wastore.ContactEntry, 2500)
	for i := range many {
		many[i] = wastore.ContactEntry{JID: pn(fmt.Sprintf("7%d", i)), FullName: fmt.Sprint("n", i)}
	}
	require.NoError(t, s.PutAllContactNames(ctx, many))
	all, err = s.GetAllContacts(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2503)
	assert.Equal(t, "n2499", all[pn("72499")].FullName)
	assert.Equal(t, want[pn("1")], all[pn("1")])
}

func testChatSettings(t *testing.T, wa *wastore.Device) {
	s, chat := wa.ChatSettings, pn("1")
	check := func(want types.LocalChatSettings) {
		t.Helper()
		got, err := s.GetChatSettings(ctx, chat)
		require.NoError(t, err)
		assert.True(t, want.MutedUntil.Equal(got.MutedUntil), "%v", got.MutedUntil)
		want.MutedUntil, got.MutedUntil = time.Time{}, time.Time{}
		assert.Equal(t, want, got)
	}
	check(types.LocalChatSettings{})
	require.NoError(t, s.PutPinned(ctx, chat, true))
	check(types.LocalChatSettings{Found: true, Pinned: true})
	require.NoError(t, s.PutArchived(ctx, chat, true))
	until := time.Unix(1_800_000_000, 0)
	require.NoError(t, s.PutMutedUntil(ctx, chat, until))
	check(types.LocalChatSettings{Found: true, Pinned: true, Archived: true, MutedUntil: until})
	require.NoError(t, s.PutPinned(ctx, chat, false))
	require.NoError(t, s.PutMutedUntil(ctx, chat, wastore.MutedForever))
	check(types.LocalChatSettings{Found: true, Archived: true, MutedUntil: wastore.MutedForever})
	require.NoError(t, s.PutMutedUntil(ctx, chat, time.Time{}))
	require.NoError(t, s.PutArchived(ctx, chat, false))
	check(types.LocalChatSettings{Found: true})
}

func testTokens(t *testing.T, wa *wastore.Device) {
	s, ann, annLID := wa.PrivacyTokens, pn("111"), lid("911")
	at := func(sec int64) time.Time { return time.Unix(sec, 0) }
	get := func(user types.JID, token string, when, sent int64) {
		t.Helper()
		got, err := s.GetPrivacyToken(ctx, user)
		require.NoError(t, err)
		require.NotNil(t, got)
		assert.Equal(t, user.ToNonAD(), got.User)
		assert.Equal(t, token, string(got.Token))
		assert.EqualValues(t, when, got.Timestamp.Unix())
		if sent == 0 {
			assert.True(t, got.SenderTimestamp.IsZero())
		} else {
			assert.EqualValues(t, sent, got.SenderTimestamp.Unix())
		}
	}
	none, err := s.GetPrivacyToken(ctx, ann)
	require.NoError(t, err)
	assert.Nil(t, none)

	require.NoError(t, s.PutPrivacyTokens(ctx, wastore.PrivacyToken{User: ann, Token: []byte("a"), Timestamp: at(100)}))
	get(ann, "a", 100, 0)
	require.NoError(t, s.PutPrivacyTokens(ctx, wastore.PrivacyToken{User: ann, Token: []byte("b"), Timestamp: at(100), SenderTimestamp: at(50)}))
	get(ann, "b", 100, 50)
	require.NoError(t, s.PutPrivacyTokens(ctx, wastore.PrivacyToken{User: ann, Token: []byte("old"), Timestamp: at(99), SenderTimestamp: at(60)}))
	get(ann, "b", 100, 50)
	require.NoError(t, s.PutPrivacyTokens(ctx, wastore.PrivacyToken{User: ann, Token: []byte("c"), Timestamp: at(101)}))
	get(ann, "c", 101, 50)

	none, err = s.GetPrivacyToken(ctx, annLID)
	require.NoError(t, err)
	assert.Nil(t, none)
	require.NoError(t, wa.LIDs.PutLIDMapping(ctx, annLID, ann))
	get(annLID, "c", 101, 50)
	require.NoError(t, s.PutPrivacyTokens(ctx,
		wastore.PrivacyToken{User: annLID, Token: []byte("newer"), Timestamp: at(200)},
		wastore.PrivacyToken{User: pn("5"), Token: []byte("x"), Timestamp: at(10)},
		wastore.PrivacyToken{User: pn("6"), Token: []byte("y"), Timestamp: at(20)}))
	get(ann, "newer", 200, 0)

	deleted, err := s.DeleteExpiredPrivacyTokens(ctx, at(20))
	require.NoError(t, err)
	assert.EqualValues(t, 1, deleted)
	get(pn("6"), "y", 20, 0)
	none, err = s.GetPrivacyToken(ctx, pn("5"))
	require.NoError(t, err)
	assert.Nil(t, none)
}

func testLIDs(t *testing.T, wa *wastore.Device) {
	s := wa.LIDs
	toPN := func(l, want types.JID) {
		t.Helper()
		got, err := s.GetPNForLID(ctx, l)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	toLID := func(p, want types.JID) {
		t.Helper()
		got, err := s.GetLIDForPN(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := s.GetPNForLID(ctx, pn("1"))
	require.Error(t, err)
	_, err = s.GetLIDForPN(ctx, lid("1"))
	require.Error(t, err)
	require.Error(t, s.PutLIDMapping(ctx, pn("1"), lid("1")))
	toPN(lid("9"), types.EmptyJID)
	toLID(pn("1"), types.EmptyJID)

	require.NoError(t, s.PutLIDMapping(ctx, lid("9"), pn("1")))
	require.NoError(t, s.PutLIDMapping(ctx, lid("9"), pn("1")))
	toPN(lid("9"), pn("1"))
	toLID(pn("1"), lid("9"))
	device := pn("1")
	device.Device = 12
	toLID(device, types.JID{User: "9", Device: 12, Server: types.HiddenUserServer})

	require.NoError(t, s.PutLIDMapping(ctx, lid("9"), pn("2"))) // the number changed
	toPN(lid("9"), pn("2"))
	toLID(pn("2"), lid("9"))
	toLID(pn("1"), types.EmptyJID)
	require.NoError(t, s.PutLIDMapping(ctx, lid("8"), pn("2"))) // the number has another owner
	toPN(lid("8"), pn("2"))
	toLID(pn("2"), lid("8"))
	toPN(lid("9"), types.EmptyJID)

	require.NoError(t, s.PutManyLIDMappings(ctx, nil))
	require.NoError(t, s.PutManyLIDMappings(ctx, []wastore.LIDMapping{
		{LID: lid("70"), PN: pn("3")}, {LID: pn("71"), PN: pn("4")}, {LID: lid("8"), PN: pn("2")}, {LID: lid("72"), PN: pn("5")}, {LID: lid("72"), PN: pn("5")},
	}))
	many, err := s.GetManyLIDsForPNs(ctx, nil)
	require.NoError(t, err)
	assert.Empty(t, many)
	device = pn("3")
	device.Device = 2
	many, err = s.GetManyLIDsForPNs(ctx, []types.JID{pn("3"), device, pn("4"), pn("5"), lid("70"), pn("2")})
	require.NoError(t, err)
	assert.Equal(t, map[types.JID]types.JID{
		pn("3"): lid("70"), device: {User: "70", Device: 2, Server: types.HiddenUserServer}, pn("5"): lid("72"), pn("2"): lid("8"),
	}, many)

	pairs := make([]wastore.LIDMapping, 1200)
	for i := range pairs {
		pairs[i] = wastore.LIDMapping{LID: lid(fmt.Sprint("4", i)), PN: pn(fmt.Sprint("6", i))}
	}
	require.NoError(t, s.PutManyLIDMappings(ctx, pairs))
	toPN(lid("41199"), pn("61199"))
	toLID(pn("60"), lid("40"))
}
