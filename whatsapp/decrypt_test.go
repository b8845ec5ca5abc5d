package whatsapp_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// unreadable is a store whose keys cannot be read on demand.
type unreadable struct {
	store.Store
	keys *unreadableKeys
}

func (u unreadable) Devices() store.Devices { return u.keys }

type unreadableKeys struct {
	store.Devices
	away atomic.Bool
}

func (k *unreadableKeys) Get(ctx context.Context, session, table string, names []string) (map[string][]byte, error) {
	if k.away.Load() {
		return nil, fmt.Errorf("get: %w", store.ErrUnavailable)
	}
	return k.Devices.Get(ctx, session, table, names)
}

func (k *unreadableKeys) List(ctx context.Context, session, table, prefix, after string, limit int) ([]store.KeyValue, error) {
	if k.away.Load() {
		return nil, fmt.Errorf("list: %w", store.ErrUnavailable)
	}
	return k.Devices.List(ctx, session, table, prefix, after, limit)
}

// TestKeysAway has somebody new write while keys cannot be read. That is no fault of the
// messages: none is acknowledged, none is asked for again, and they come in their order.
func TestKeysAway(t *testing.T) {
	keys := &unreadableKeys{}
	r := run(t, quick(), func(c *whatsapp.Config) {
		keys.Devices = c.Store.Devices()
		c.Store = unreadable{c.Store, keys}
	})
	s, p := r.link("shop")
	bob := phone(t)
	keys.away.Store(true)
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "while {n}", Count: 20})
	require.NoError(t, err)
	r.await(s, whatsapp.Degraded, whatsapp.ReasonStoreUnavailable)
	device := p.Devices()[0]
	for _, receipt := range bob.Receipts(0) {
		require.NotEqual(t, device, receipt.Device, "the session has said %s of %s", receipt.Type, receipt.IDs)
	}
	keys.away.Store(false)
	r.await(s, whatsapp.Connected, "")
	var texts []string
	require.Eventually(t, func() bool {
		texts = nil
		list, _, err := r.store.Messages().List(t.Context(), store.MessageQuery{Session: "shop", Chats: r.chatKeys("shop", bob.Number()[1:]+"@s.whatsapp.net"), Page: store.Page{Limit: 200}})
		require.NoError(t, err)
		for _, m := range list {
			texts = append([]string{m.Text}, texts...)
		}
		return len(texts) >= 20
	}, 60*time.Second, 10*time.Millisecond)
	for i, text := range texts {
		require.Equal(t, fmt.Sprintf("while %d", i+1), text)
	}
	require.NotContains(t, r.told("shop"), whatsapp.EventMessageUndecryptable)
}
