package keys_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

func TestDeviceSurvives(t *testing.T) {
	m := newMemStore()
	d := openDevice(t, memBackend{m})
	wa := d.Whatsmeow()
	require.False(t, d.Linked())
	require.Nil(t, wa.ID)
	require.ErrorIs(t, wa.Save(ctx), keys.ErrNoJID)
	require.Zero(t, m.commits(), "a fresh device is only in memory")
	wa.Platform, wa.BusinessName, wa.PushName = "android", "Co", "Me"
	wa.LIDMigrationTimestamp, wa.CompanionMetaNonce, wa.FacebookUUID = 12, "nonce", uuid.New()
	link(t, wa)
	require.True(t, d.Linked())

	d = openDevice(t, memBackend{m})
	got := d.Whatsmeow()
	require.True(t, d.Linked())
	require.True(t, got.Initialized)
	assert.Equal(t, wa.ID, got.ID)
	assert.Equal(t, wa.LID, got.LID)
	assert.Equal(t, wa.NoiseKey, got.NoiseKey)
	assert.Equal(t, wa.IdentityKey, got.IdentityKey)
	assert.Equal(t, wa.SignedPreKey, got.SignedPreKey)
	assert.Equal(t, wa.RegistrationID, got.RegistrationID)
	assert.Equal(t, wa.AdvSecretKey, got.AdvSecretKey)
	assert.True(t, proto.Equal(wa.Account, got.Account))
	for _, pair := range [][2]any{
		{wa.Platform, got.Platform},
		{wa.BusinessName, got.BusinessName},
		{wa.PushName, got.PushName},
		{wa.LIDMigrationTimestamp, got.LIDMigrationTimestamp},
		{wa.CompanionMetaNonce, got.CompanionMetaNonce},
		{wa.FacebookUUID, got.FacebookUUID},
	} {
		assert.Equal(t, pair[0], pair[1])
	}
	got.PushName = "Other"
	require.NoError(t, got.Save(ctx))
	assert.Equal(t, "Other", openDevice(t, memBackend{m}).Whatsmeow().PushName)
}

func TestLinkingForgetsAnEarlierAccount(t *testing.T) {
	m := newMemStore()
	m.keys["session"] = map[string][]byte{"a:0": []byte("of another account")}
	d := openDevice(t, memBackend{m})
	has, err := d.Whatsmeow().Sessions.HasSession(ctx, "a:0")
	require.NoError(t, err)
	require.True(t, has)
	link(t, d.Whatsmeow())
	has, err = d.Whatsmeow().Sessions.HasSession(ctx, "a:0")
	require.NoError(t, err)
	require.False(t, has)
	require.Equal(t, 1, m.commits())
}

func TestDeleteThatFails(t *testing.T) {
	d, m := linkedMem(t)
	wa := d.Whatsmeow()
	require.NoError(t, wa.Sessions.PutSession(ctx, "a:0", []byte("x")))
	_, _, err := wa.Contacts.PutPushName(ctx, pn("1"), "One")
	require.NoError(t, err)
	m.setFail(store.ErrUnavailable)
	require.ErrorIs(t, wa.Delete(ctx), store.ErrUnavailable)
	require.True(t, d.Linked())
	m.setFail(nil)
	require.NoError(t, d.Flush(ctx))
	require.Contains(t, m.keys["contact"], "1@s.whatsapp.net", "what was pending is not lost")
	require.NoError(t, wa.Sessions.PutSession(ctx, "a:0", []byte("y")))

	lids := wa.LIDs
	require.NoError(t, wa.Delete(ctx))
	require.False(t, d.Linked())
	require.Empty(t, m.keys)
	require.ErrorIs(t, lids.PutLIDMapping(ctx, lid("9"), pn("1")), wastore.ErrDeviceDeleted)
	require.NoError(t, d.Forget(ctx))
	_, err = d.Commit(ctx, store.Unit{})
	require.NoError(t, err, "units are kept still")
	require.False(t, d.Pending())
	require.False(t, openDevice(t, memBackend{m}).Linked())
}

func TestCorruptValues(t *testing.T) {
	m := newMemStore()
	for _, raw := range []string{"{", `{"Version":2}`, `{"Version":1}`} {
		m.keys["device"] = map[string][]byte{"self": []byte(raw)}
		_, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.ErrorIs(t, err, keys.ErrCorrupt)
	}
	d, m := linkedMem(t)
	wa := d.Whatsmeow()
	bad := map[string][]string{
		"identity": {"a:0"}, "prekey": {"0000000001"}, "appstate": {"x"}, "contact": {"1@s.whatsapp.net"},
		"chat": {"1@s.whatsapp.net"}, "token": {"1@s.whatsapp.net"}, "outgoing": {"1@s.whatsapp.net/ID"}, "appkey": {"01"},
	}
	for table, names := range bad {
		for _, name := range names {
			m.keys[table] = map[string][]byte{name: {99}}
		}
	}
	errs := map[string]error{}
	_, errs["identity"] = wa.Identities.IsTrustedIdentity(ctx, "a:0", [32]byte{})
	_, errs["prekey"] = wa.PreKeys.GetPreKey(ctx, 1)
	_, errs["prekeys"] = wa.PreKeys.GetOrGenPreKeys(ctx, 1)
	_, _, errs["appstate"] = wa.AppState.GetAppStateVersion(ctx, "x")
	_, errs["contact"] = wa.Contacts.GetContact(ctx, pn("1"))
	_, errs["contacts"] = wa.Contacts.GetAllContacts(ctx)
	_, errs["chat"] = wa.ChatSettings.GetChatSettings(ctx, pn("1"))
	_, errs["token"] = wa.PrivacyTokens.GetPrivacyToken(ctx, pn("1"))
	_, _, errs["outgoing"] = wa.EventBuffer.GetOutgoingEvent(ctx, pn("1"), pn("2"), "ID")
	_, errs["appkey"] = wa.AppStateKeys.GetAppStateSyncKey(ctx, []byte{1})
	_, errs["appkeys"] = wa.AppStateKeys.GetAllAppStateSyncKeys(ctx)
	for what, err := range errs {
		assert.ErrorIs(t, err, keys.ErrCorrupt, what)
	}
}

func TestCacheSparesTheStore(t *testing.T) {
	d, m := linkedMem(t)
	wa := d.Whatsmeow()
	m.reads = 0
	for range 5 {
		_, err := wa.Sessions.GetSession(ctx, "a:0") // there is none
		require.NoError(t, err)
		_, err = wa.LIDs.GetLIDForPN(ctx, pn("1"))
		require.NoError(t, err)
	}
	require.Equal(t, 2, m.reads, "also what is missing is remembered")
	require.NoError(t, wa.Sessions.PutSession(ctx, "b:0", []byte("x")))
	for i := range 2000 {
		_, err := wa.Sessions.GetSession(ctx, fmt.Sprint(i, ":0"))
		require.NoError(t, err)
	}
	m.reads = 0
	_, err := wa.Sessions.GetSession(ctx, "b:0")
	require.NoError(t, err)
	require.Equal(t, 1, m.reads, "what is not used is dropped")
}

func TestSlowReadIsNotCached(t *testing.T) {
	d, m := linkedMem(t, func(c *keys.Config) { c.CacheSize = 1 })
	s := d.Whatsmeow().Sessions
	put := func(address, value string) { require.NoError(t, s.PutSession(ctx, address, []byte(value))) }
	put("a:0", "old")
	put("b:0", "x") // pushes a:0 out
	m.onGet = func() {
		m.onGet = nil
		put("a:0", "new")
		put("b:0", "y")
	}
	_, err := s.GetSession(ctx, "a:0") // the store has answered before it was written
	require.NoError(t, err)
	raw, err := s.GetSession(ctx, "a:0")
	require.NoError(t, err)
	require.Equal(t, "new", string(raw))
}

func TestStoreErrorsAreWrapped(t *testing.T) {
	m := newMemStore()
	down := errors.New("down")
	m.fail = func(store.Unit) error { return down }
	d := openDevice(t, memBackend{m})
	wa := d.Whatsmeow()
	id := ownPN
	wa.ID = &id
	require.ErrorIs(t, wa.Save(ctx), down)
	require.False(t, d.Linked())
}
