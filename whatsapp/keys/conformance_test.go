package keys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"
)

// conformanceCase is what every implementation of whatsmeow's stores must do. It gets the
// linked device of an empty session.
type conformanceCase struct {
	name string
	run  func(t *testing.T, wa *wastore.Device)
}

var conformance = []conformanceCase{
	{"identities", testIdentities},
	{"sessions", testSessions},
	{"sessions/migrate", testMigrate},
	{"prekeys", testPreKeys},
	{"prekeys/first", testFirstPreKeys},
	{"senderkeys", testSenderKeys},
	{"appstate/keys", testSyncKeys},
	{"appstate/versions", testAppState},
	{"appstate/delete", testDeleteAppState},
	{"contacts", testContacts},
	{"contacts/many", testManyContacts},
	{"chatsettings", testChatSettings},
	{"tokens", testTokens},
	{"salt", testSalt},
	{"buffer", testBuffer},
	{"buffer/txn", testTxn},
	{"outgoing", testOutgoing},
	{"lids", testLIDs},
	{"delete", testDelete},
}

func TestConformance(t *testing.T) {
	implementations := []struct {
		name string
		open func(t *testing.T) *wastore.Device
	}{
		{"reference", func(t *testing.T) *wastore.Device { return reference(t) }},
		{"mem", func(t *testing.T) *wastore.Device { return openDevice(t, memBackend{newMemStore()}).Whatsmeow() }},
		{"sqlite", func(t *testing.T) *wastore.Device { return openDevice(t, openSqlite(t)).Whatsmeow() }},
		{"mongo", func(t *testing.T) *wastore.Device { return openDevice(t, openMongo(t)).Whatsmeow() }},
	}
	for _, impl := range implementations {
		t.Run(impl.name, func(t *testing.T) {
			for _, c := range conformance {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(t, link(t, impl.open(t)))
				})
			}
		})
	}
}

var ctx = context.Background()

func testIdentities(t *testing.T, wa *wastore.Device) {
	s := wa.Identities
	one, two := [32]byte{1}, [32]byte{2}
	trusts := func(address string, key [32]byte, want bool) {
		t.Helper()
		got, err := s.IsTrustedIdentity(ctx, address, key)
		require.NoError(t, err)
		assert.Equal(t, want, got, address)
	}
	trusts("a:1", one, true) // unknown
	require.NoError(t, s.PutIdentity(ctx, "a:1", one))
	require.NoError(t, s.PutIdentity(ctx, "a:1", one))
	trusts("a:1", one, true)
	trusts("a:1", two, false)
	trusts("a:2", two, true)
	require.NoError(t, s.PutIdentity(ctx, "a:1", two))
	trusts("a:1", one, false)
	require.NoError(t, s.DeleteIdentity(ctx, "a:1"))
	trusts("a:1", one, true)
	require.NoError(t, s.DeleteIdentity(ctx, "nobody:0"))

	for _, address := range []string{"a:0", "a:1", "a:12", "aa:0", "a", "a;0", "b:0"} {
		require.NoError(t, s.PutIdentity(ctx, address, one))
	}
	require.NoError(t, s.DeleteAllIdentities(ctx, "a"))
	for address, gone := range map[string]bool{"a:0": true, "a:1": true, "a:12": true, "aa:0": false, "a": false, "a;0": false, "b:0": false} {
		trusts(address, two, gone)
	}
}

func testSessions(t *testing.T, wa *wastore.Device) {
	s := wa.Sessions
	has := func(address string, want bool) {
		t.Helper()
		got, err := s.HasSession(ctx, address)
		require.NoError(t, err)
		assert.Equal(t, want, got, address)
	}
	raw, err := s.GetSession(ctx, "a:1")
	require.NoError(t, err)
	assert.Nil(t, raw)
	has("a:1", false)

	require.NoError(t, s.PutSession(ctx, "a:1", []byte("one")))
	require.NoError(t, s.PutSession(ctx, "a:1", []byte("two")))
	raw, err = s.GetSession(ctx, "a:1")
	require.NoError(t, err)
	assert.Equal(t, []byte("two"), raw)
	has("a:1", true)

	many, err := s.GetManySessions(ctx, nil)
	require.NoError(t, err)
	assert.Empty(t, many)
	require.NoError(t, s.PutManySessions(ctx, nil))
	require.NoError(t, s.PutManySessions(ctx, map[string][]byte{"a:2": []byte("x"), "a:1": []byte("three"), "ab:1": []byte("y"), "b_1:0": []byte("z")}))
	many, err = s.GetManySessions(ctx, []string{"a:1", "a:2", "c:0"})
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"a:1": []byte("three"), "a:2": []byte("x"), "c:0": nil}, many)

	require.NoError(t, s.DeleteSession(ctx, "a:2"))
	require.NoError(t, s.DeleteSession(ctx, "a:2"))
	has("a:2", false)
	require.NoError(t, s.DeleteAllSessions(ctx, "a"))
	has("a:1", false)
	has("ab:1", true)
	require.NoError(t, s.DeleteAllSessions(ctx, "b_1"))
	has("b_1:0", false)
	require.NoError(t, s.PutSession(ctx, "a:1", []byte("again")))
	has("a:1", true)

	big := bytes.Repeat([]byte{7}, 200_000)
	require.NoError(t, s.PutSession(ctx, "big:0", big))
	raw, err = s.GetSession(ctx, "big:0")
	require.NoError(t, err)
	assert.Equal(t, big, raw)

	addresses := make([]string, 600)
	all := map[string][]byte{}
	for i := range addresses {
		addresses[i] = fmt.Sprintf("m%d:0", i)
		if i%3 > 0 {
			all[addresses[i]] = []byte(addresses[i])
		}
	}
	require.NoError(t, s.PutManySessions(ctx, all))
	many, err = s.GetManySessions(ctx, addresses)
	require.NoError(t, err)
	require.Len(t, many, 600)
	for _, a := range addresses {
		assert.Equal(t, all[a], many[a])
	}
}

func testMigrate(t *testing.T, wa *wastore.Device) {
	require.NoError(t, wa.Sessions.PutManySessions(ctx, map[string][]byte{
		"111:0": []byte("pn0"), "111:3": []byte("pn3"), "1110:0": []byte("other"), "222_1:0": []byte("lid0"), "222_1:5": []byte("lid5"),
	}))
	key, old := [32]byte{3}, [32]byte{4}
	require.NoError(t, wa.Identities.PutIdentity(ctx, "111:0", key))
	require.NoError(t, wa.Identities.PutIdentity(ctx, "222_1:0", old))
	require.NoError(t, wa.SenderKeys.PutSenderKey(ctx, "g@g.us", "111:0", []byte("sk")))
	require.NoError(t, wa.SenderKeys.PutSenderKey(ctx, "h@g.us", "111:3", []byte("sk3")))
	require.NoError(t, wa.SenderKeys.PutSenderKey(ctx, "g@g.us", "222_1:0", []byte("before")))

	from, to := pn("111"), lid("222")
	from.Device, to.Device = 3, 3
	require.NoError(t, wa.Sessions.MigratePNToLID(ctx, from, to))

	got, err := wa.Sessions.GetManySessions(ctx, []string{"111:0", "111:3", "1110:0", "222_1:0", "222_1:3", "222_1:5"})
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{
		"111:0": nil, "111:3": nil, "1110:0": []byte("other"),
		"222_1:0": []byte("pn0"), "222_1:3": []byte("pn3"), "222_1:5": []byte("lid5"),
	}, got)
	trusted, err := wa.Identities.IsTrustedIdentity(ctx, "222_1:0", key)
	require.NoError(t, err)
	assert.True(t, trusted)
	trusted, err = wa.Identities.IsTrustedIdentity(ctx, "222_1:0", old)
	require.NoError(t, err)
	assert.False(t, trusted)
	trusted, err = wa.Identities.IsTrustedIdentity(ctx, "111:0", old)
	require.NoError(t, err)
	assert.True(t, trusted, "unknown again")
	for _, c := range []struct {
		group, user string
		want        []byte
	}{{"g@g.us", "111:0", nil}, {"h@g.us", "111:3", nil}, {"g@g.us", "222_1:0", []byte("sk")}, {"h@g.us", "222_1:3", []byte("sk3")}} {
		raw, err := wa.SenderKeys.GetSenderKey(ctx, c.group, c.user)
		require.NoError(t, err)
		assert.Equal(t, c.want, raw)
	}
	require.NoError(t, wa.Sessions.MigratePNToLID(ctx, from, to))
	require.NoError(t, wa.Sessions.MigratePNToLID(ctx, pn("999"), lid("998")))
}

func testPreKeys(t *testing.T, wa *wastore.Device) {
	s := wa.PreKeys
	count := func(want int) {
		t.Helper()
		got, err := s.UploadedPreKeyCount(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	missing, err := s.GetPreKey(ctx, 1)
	require.NoError(t, err)
	assert.Nil(t, missing)
	count(0)

	first, err := s.GetOrGenPreKeys(ctx, 5)
	require.NoError(t, err)
	require.Len(t, first, 5)
	for i, k := range first {
		assert.EqualValues(t, i+1, k.KeyID)
		assert.Nil(t, k.Signature)
		kept, err := s.GetPreKey(ctx, k.KeyID)
		require.NoError(t, err)
		assert.Equal(t, k.KeyPair, kept.KeyPair)
		assert.Equal(t, k.KeyID, kept.KeyID)
	}
	same, err := s.GetOrGenPreKeys(ctx, 3)
	require.NoError(t, err)
	require.Len(t, same, 3)
	assert.Equal(t, first[0].Priv, same[0].Priv)
	count(0)

	one, err := s.GenOnePreKey(ctx)
	require.NoError(t, err)
	assert.EqualValues(t, 6, one.KeyID)
	count(1)

	more, err := s.GetOrGenPreKeys(ctx, 7)
	require.NoError(t, err)
	ids := []uint32{}
	for _, k := range more {
		ids = append(ids, k.KeyID)
	}
	assert.Equal(t, []uint32{1, 2, 3, 4, 5, 7, 8}, ids, "the single one is uploaded")

	require.NoError(t, s.MarkPreKeysAsUploaded(ctx, 5))
	count(6)
	more, err = s.GetOrGenPreKeys(ctx, 2)
	require.NoError(t, err)
	assert.EqualValues(t, 7, more[0].KeyID)
	assert.EqualValues(t, 8, more[1].KeyID)

	require.NoError(t, s.RemovePreKey(ctx, 2))
	require.NoError(t, s.RemovePreKey(ctx, 2))
	missing, err = s.GetPreKey(ctx, 2)
	require.NoError(t, err)
	assert.Nil(t, missing)
	count(5)
	require.NoError(t, s.MarkPreKeysAsUploaded(ctx, 1000))
	count(7)
	more, err = s.GetOrGenPreKeys(ctx, 1)
	require.NoError(t, err)
	assert.EqualValues(t, 9, more[0].KeyID, "a new one is not uploaded")
	count(7)
}

func testFirstPreKeys(t *testing.T, wa *wastore.Device) {
	many, err := wa.PreKeys.GetOrGenPreKeys(ctx, 812)
	require.NoError(t, err)
	require.Len(t, many, 812)
	assert.EqualValues(t, 812, many[811].KeyID)
	require.NoError(t, wa.PreKeys.MarkPreKeysAsUploaded(ctx, many[811].KeyID))
	count, err := wa.PreKeys.UploadedPreKeyCount(ctx)
	require.NoError(t, err)
	assert.Equal(t, 812, count)
}

func testSenderKeys(t *testing.T, wa *wastore.Device) {
	s := wa.SenderKeys
	get := func(group, user string, want []byte) {
		t.Helper()
		got, err := s.GetSenderKey(ctx, group, user)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	get("g@g.us", "a:0", nil)
	require.NoError(t, s.PutSenderKey(ctx, "g@g.us", "a:0", []byte("one")))
	require.NoError(t, s.PutSenderKey(ctx, "g@g.us", "a:0", []byte("two")))
	require.NoError(t, s.PutSenderKey(ctx, "h@g.us", "a:0", []byte("three")))
	require.NoError(t, s.PutSenderKey(ctx, "g@g.us", ownLID.SignalAddress().String(), []byte("own")))
	require.NoError(t, s.PutSenderKey(ctx, "b", "a/b", []byte("slash")))
	get("g@g.us", "a:0", []byte("two"))
	get("h@g.us", "a:0", []byte("three"))
	get("g@g.us", "900000000000_1:7", []byte("own"))
	get("b/b", "a", nil)
	get("b", "a/b", []byte("slash"))
}

func testSyncKeys(t *testing.T, wa *wastore.Device) {
	s := wa.AppStateKeys
	none, err := s.GetAppStateSyncKey(ctx, []byte{1})
	require.NoError(t, err)
	assert.Nil(t, none)
	id, err := s.GetLatestAppStateSyncKeyID(ctx)
	require.NoError(t, err)
	assert.Nil(t, id)
	all, err := s.GetAllAppStateSyncKeys(ctx)
	require.NoError(t, err)
	assert.Empty(t, all)

	put := func(id byte, at int64, data string) {
		t.Helper()
		require.NoError(t, s.PutAppStateSyncKey(ctx, []byte{id, 0}, wastore.AppStateSyncKey{Data: []byte(data), Fingerprint: []byte("f" + data), Timestamp: at}))
	}
	put(1, 100, "a")
	put(2, 300, "b")
	put(3, 200, "c")
	put(1, 100, "same time")
	put(2, 299, "older")
	put(3, 201, "newer")
	for id, want := range map[byte]*wastore.AppStateSyncKey{
		1: {Data: []byte("a"), Fingerprint: []byte("fa"), Timestamp: 100},
		2: {Data: []byte("b"), Fingerprint: []byte("fb"), Timestamp: 300},
		3: {Data: []byte("newer"), Fingerprint: []byte("fnewer"), Timestamp: 201},
	} {
		got, err := s.GetAppStateSyncKey(ctx, []byte{id, 0})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	id, err = s.GetLatestAppStateSyncKeyID(ctx)
	require.NoError(t, err)
	assert.Equal(t, []byte{2, 0}, id)
	all, err = s.GetAllAppStateSyncKeys(ctx)
	require.NoError(t, err)
	require.Len(t, all, 3)
	assert.Equal(t, []int64{300, 201, 100}, []int64{all[0].Timestamp, all[1].Timestamp, all[2].Timestamp})
}

func mac(i int) []byte {
	h := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
	return h[:]
}

func macChecker(t *testing.T, s wastore.AppStateStore) func(name string, i int, want []byte) {
	return func(name string, i int, want []byte) {
		t.Helper()
		got, err := s.GetAppStateMutationMAC(ctx, name, mac(i))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func testAppState(t *testing.T, wa *wastore.Device) {
	s := wa.AppState
	version, hash, err := s.GetAppStateVersion(ctx, "regular")
	require.NoError(t, err)
	assert.Zero(t, version)
	assert.Zero(t, hash)

	value := macChecker(t, s)
	for _, name := range []string{"regular", "regular_low"} {
		require.NoError(t, s.PutAppStateVersion(ctx, name, 4, [128]byte{1}))
		require.NoError(t, s.PutAppStateVersion(ctx, name, 5, [128]byte{2}))
		require.NoError(t, s.PutAppStateMutationMACs(ctx, name, 5, []wastore.AppStateMutationMAC{{IndexMAC: mac(1), ValueMAC: mac(101)}, {IndexMAC: mac(2), ValueMAC: mac(102)}}))
	}
	version, hash, err = s.GetAppStateVersion(ctx, "regular")
	require.NoError(t, err)
	assert.EqualValues(t, 5, version)
	assert.Equal(t, [128]byte{2}, hash)
	value("regular", 1, mac(101))
	value("regular", 3, nil)
	value("critical_block", 1, nil)

	require.NoError(t, s.PutAppStateMutationMACs(ctx, "regular", 6, []wastore.AppStateMutationMAC{{IndexMAC: mac(1), ValueMAC: mac(201)}}))
	require.NoError(t, s.PutAppStateMutationMACs(ctx, "regular", 4, []wastore.AppStateMutationMAC{{IndexMAC: mac(2), ValueMAC: mac(202)}}))
	value("regular", 1, mac(201))
	value("regular", 2, mac(102))
	require.NoError(t, s.PutAppStateMutationMACs(ctx, "regular", 7, nil))
	require.NoError(t, s.DeleteAppStateMutationMACs(ctx, "regular", nil))
	require.NoError(t, s.DeleteAppStateMutationMACs(ctx, "regular", [][]byte{mac(1), mac(9)}))
	value("regular", 1, nil)
	value("regular_low", 1, mac(101))
}

func testDeleteAppState(t *testing.T, wa *wastore.Device) {
	s := wa.AppState
	value := macChecker(t, s)
	for _, name := range []string{"regular", "regular_low"} {
		require.NoError(t, s.PutAppStateVersion(ctx, name, 5, [128]byte{2}))
		require.NoError(t, s.PutAppStateMutationMACs(ctx, name, 5, []wastore.AppStateMutationMAC{{IndexMAC: mac(1), ValueMAC: mac(101)}, {IndexMAC: mac(2), ValueMAC: mac(102)}}))
	}
	var many []wastore.AppStateMutationMAC
	for i := range 1500 {
		many = append(many, wastore.AppStateMutationMAC{IndexMAC: mac(i + 1000), ValueMAC: mac(i)})
	}
	require.NoError(t, s.PutAppStateMutationMACs(ctx, "regular", 8, many))
	value("regular", 1000+1499, mac(1499))
	require.NoError(t, s.DeleteAppStateVersion(ctx, "regular"))
	version, _, err := s.GetAppStateVersion(ctx, "regular")
	require.NoError(t, err)
	assert.Zero(t, version)
	value("regular", 2, nil)
	value("regular", 1000, nil)
	value("regular_low", 1, mac(101))

	require.NoError(t, s.PutAppStateVersion(ctx, "regular", 0, [128]byte{}))
	_, _, err = s.GetAppStateVersion(ctx, "regular")
	assert.Error(t, err, "version 0 is never stored")
}

func testSalt(t *testing.T, wa *wastore.Device) {
	get := func(want []byte) {
		t.Helper()
		got, err := wa.NCTSalt.GetNCTSalt(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	get(nil)
	require.NoError(t, wa.NCTSalt.DeleteNCTSalt(ctx))
	require.NoError(t, wa.NCTSalt.PutNCTSalt(ctx, []byte("salt")))
	require.NoError(t, wa.NCTSalt.PutNCTSalt(ctx, []byte("pepper")))
	get([]byte("pepper"))
	require.NoError(t, wa.NCTSalt.DeleteNCTSalt(ctx))
	get(nil)
}
