package socketio

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRoom is what a client of Socket.IO is given up by.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 5 * time.Second
		c := &Conn{patience: patience, moved: make(chan struct{}, 1)}
		require.True(t, c.Await(t.Context()))
		c.packets = mostPackets
		began := time.Now()
		require.False(t, c.Await(t.Context()))
		require.Equal(t, patience, time.Since(began))

		moving, stop := context.WithCancel(t.Context())
		go func() {
			for range 3 { // it takes something each time, but not enough
				time.Sleep(patience - time.Second)
				signal(c.moved)
			}
			c.mu.Lock()
			c.packets--
			c.mu.Unlock()
			signal(c.moved)
		}()
		require.True(t, c.Await(moving))

		c.packets = 1
		c.bytes = mostBytes
		stop()
		require.False(t, c.Await(moving))
		c.packets = 0 // a large one may wait alone
		require.True(t, c.Await(t.Context()))
	})
}
