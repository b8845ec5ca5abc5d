package storetest

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// BenchmarkCommit measures the unit that an incoming message makes: the message, its
// chat, three changed keys of 1 KB and one event.
func BenchmarkCommit(b *testing.B, open func(testing.TB) store.Store) {
	for _, sessions := range []int{1, 20} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			st := open(b)
			for s := range sessions {
				require.NoError(b, st.Sessions().Create(b.Context(), aSession(fmt.Sprint(s))))
			}
			var next atomic.Int64
			done := make(chan error, sessions)
			b.ResetTimer()
			for s := range sessions {
				go func() { done <- commitMany(b, st, fmt.Sprint(s), &next) }()
			}
			for range sessions {
				require.NoError(b, <-done)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "units/s")
		})
	}
}

// commitMany commits until b.N units were committed by all together.
func commitMany(b *testing.B, st store.Store, session string, next *atomic.Int64) error {
	value := bytes.Repeat([]byte{0xa5}, 1024)
	for {
		n := next.Add(1)
		if n > int64(b.N) {
			return nil
		}
		sender := fmt.Sprintf("346%08d@s.whatsapp.net", n%200)
		m := text(sender, sender, fmt.Sprintf("3EB0%016X", n), at(int(n)), "Hello, this is a message of the usual length, number "+fmt.Sprint(n))
		m.Raw = value[:300]
		u := store.Unit{
			Session: session, Messages: []store.Message{m},
			Chats: []store.ChatUpdate{{ID: sender, Kind: store.ChatPerson, ActivityAt: m.Timestamp, AddUnread: 1}},
			Keys: []store.KeyChange{
				{Table: "session", Key: sender, Value: value},
				{Table: "identity", Key: sender, Value: value},
				{Table: "prekey", Key: fmt.Sprint(n % 500), Value: value},
			},
			Events: []store.Event{{ID: m.ID, Name: "new_messages", Timestamp: m.Timestamp, Data: fmt.Appendf(nil, `{"id":%q,"text":%q}`, m.ID, m.Text)}},
		}
		if _, err := st.Log().Commit(b.Context(), u); err != nil {
			return err
		}
	}
}
