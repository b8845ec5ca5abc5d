package socketio

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRoom is what a client is given up by: that it takes nothing for a while, not that it is behind.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Patience: 5 * time.Second, Packets: 4, Room: 100}
		c := &Conn{s: &Server{cfg: cfg}, more: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
		c.ctx, c.end = context.WithCancel(t.Context())
		defer c.end()
		large := make([]byte, 200)
		require.NoError(t, c.Send(t.Context(), large), "a large one may wait alone")
		began := time.Now()
		require.ErrorIs(t, c.Send(t.Context(), nil), ErrSlow)
		require.Equal(t, cfg.Patience, time.Since(began))

		go func() {
			for range 3 { // it takes something each time, but not enough
				time.Sleep(cfg.Patience - time.Second)
				signal(c.moved)
			}
			c.take()
			c.landed()
		}()
		require.NoError(t, c.Send(t.Context(), large))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, c.Send(ctx, nil), context.Canceled)
		c.end()
		require.ErrorIs(t, c.Send(t.Context(), nil), context.Canceled)
	})
}
