package keys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

// receiveKeys is the store traffic of one received direct message from one of 50 people,
// up to the event handler.
func receiveKeys(b *testing.B, wa *wastore.Device, n int) (hash [32]byte) {
	hash = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) // as random as those of real ciphertexts
	person := byte('0' + n%50)
	address := string([]byte{'9', person}) + "_1:0"
	require.NoError(b, wa.LIDs.PutLIDMapping(ctx, lid(string([]byte{'9', person})), pn(string([]byte{'3', person}))))
	event, err := wa.EventBuffer.GetBufferedEvent(ctx, hash)
	require.NoError(b, err)
	require.Nil(b, event)
	record := bytes.Repeat([]byte{byte(n)}, 900)
	require.NoError(b, wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		_, err1 := wa.Sessions.HasSession(ctx, address)
		_, err2 := wa.Sessions.GetSession(ctx, address)
		_, err3 := wa.Identities.IsTrustedIdentity(ctx, address, [32]byte{1})
		return errors.Join(err1, err2, err3,
			wa.Identities.PutIdentity(ctx, address, [32]byte{1}),
			wa.Sessions.PutSession(ctx, address, record),
			wa.EventBuffer.PutBufferedEvent(ctx, hash, record[:120], sentAt))
	}))
	_, _, err = wa.Contacts.PutPushName(ctx, lid(string([]byte{'9', person})), "Ann")
	require.NoError(b, err)
	return hash
}

func BenchmarkReceiveKeys(b *testing.B) {
	b.Run("sqlstore", func(b *testing.B) {
		wa := link(b, reference(b))
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			hash := receiveKeys(b, wa, n)
			require.NoError(b, wa.EventBuffer.ClearBufferedEventPlaintext(ctx, hash))
		}
	})
	for name, open := range map[string]func() backend{
		"keys-sqlite": func() backend { return openSqlite(b) },
		"keys-mongo":  func() backend { return openMongo(b) },
		"keys-mem":    func() backend { return memBackend{newMemStore()} },
	} {
		b.Run(name, func(b *testing.B) {
			d := openDevice(b, open())
			wa := link(b, d.Whatsmeow())
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				hash := receiveKeys(b, wa, n)
				_, err := d.CommitReceived(ctx, store.Unit{}, sentAt)
				require.NoError(b, err)
				require.NoError(b, wa.EventBuffer.ClearBufferedEventPlaintext(ctx, hash))
			}
		})
	}
}

// BenchmarkReceiveLater is BenchmarkReceiveKeys as sessions do it: nobody waits for a commit, and
// what waits is kept together. A read of what cannot be there costs most here.
func BenchmarkReceiveLater(b *testing.B) {
	for name, open := range map[string]func() backend{
		"keys-sqlite": func() backend { return openSqlite(b) },
		"keys-mongo":  func() backend { return openMongo(b) },
	} {
		b.Run(name, func(b *testing.B) {
			d := openDevice(b, open())
			wa := link(b, d.Whatsmeow())
			for n := 0; b.Loop(); n++ {
				hash := receiveKeys(b, wa, n)
				require.NoError(b, d.KeepReceived(ctx, keys.Received{At: sentAt}, func(error) {}))
				require.NoError(b, wa.EventBuffer.ClearBufferedEventPlaintext(ctx, hash))
			}
			require.NoError(b, d.Settled(ctx))
		})
	}
}
