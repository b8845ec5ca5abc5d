package whatsapp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// TestReceiptsOfManyDevices writes to somebody with a companion, and has the own account linked a
// second time in the middle of the conversation: each receipt of each device comes, and each
// message is delivered and read once.
func TestReceiptsOfManyDevices(t *testing.T) {
	const n = 30
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	r.linkTo("bob", bob)
	var sent []store.MessageKey
	for i := range n {
		if i == n/2 {
			r.linkTo("again", p)
			s.ForgetRecent()
		}
		m, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text(fmt.Sprint("out ", i))})
		require.NoError(t, err)
		sent = append(sent, m.MessageKey)
		_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: fmt.Sprint("in ", i)})
		require.NoError(t, err)
		got, err := bob.WaitMessages(t.Context(), 0, i+1)
		require.NoError(t, err)
		require.NotEmpty(t, got)
		require.NoError(t, bob.Read(t.Context(), p.Number(), m.ID, m.ID))
	}
	for _, key := range sent {
		require.Eventually(t, func() bool {
			m, err := r.store.Messages().Get(t.Context(), "shop", key)
			require.NoError(t, err)
			return m.Status == store.StatusRead
		}, 30*time.Second, 5*time.Millisecond)
		list, err := r.store.Messages().Receipts(t.Context(), "shop", key)
		require.NoError(t, err)
		seen := map[string]int{}
		for _, one := range list {
			seen[one.Status]++
		}
		require.Equal(t, 1, seen[store.StatusRead])
		require.LessOrEqual(t, seen[store.StatusDelivered], 1)
	}
	require.Len(t, r.texts("shop", chatOf(bob), 2*n), 2*n)
	require.Len(t, r.texts("bob", chatOf(p), 2*n), 2*n)
	for _, id := range []string{"shop", "bob"} {
		require.Zero(t, r.disconnects(id))
		require.NotContains(t, r.told(id), whatsapp.EventMessageUndecryptable)
	}
	require.Zero(t, s.Health().GivenUp)
}
