package whatsapp

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	waBinary "go.mau.fi/whatsmeow/binary"
)

func message(n int64) *waBinary.Node {
	return &waBinary.Node{Tag: "message", Attrs: waBinary.Attrs{"id": fmt.Sprint(n)}}
}

func ackOf(n int) *waBinary.Node {
	return &waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"class": "message", "id": fmt.Sprint(n)}}
}

// reading lets a reader read messages for ever, and says how many it has read.
func reading(t *testing.T, b *backlog) (read func() int) {
	var n atomic.Int64
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ; !stop.Load(); n.Add(1) {
			if n.Load() > 100_000 {
				t.Error("the reader never waits")
				return
			}
			b.came(message(n.Load()))
		}
	}()
	t.Cleanup(func() {
		stop.Store(true)
		b.clear()
		<-done
	})
	return func() int {
		synctest.Wait()
		return int(n.Load())
	}
}

func TestBacklogWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{}
		read := reading(t, b)
		require.Equal(t, backlogFull-1, read())
		b.answered(ackOf(backlogFull/2 - 2))
		b.answered(&waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"class": "receipt", "id": fmt.Sprint(backlogFull - 1)}}) // another's
		b.answered(&waBinary.Node{Tag: "message", Attrs: waBinary.Attrs{"id": fmt.Sprint(backlogFull - 1)}})                 // one of ours
		require.Equal(t, backlogFull-1, read(), "more than half still wait")
		b.answered(&waBinary.Node{Tag: "receipt", Attrs: waBinary.Attrs{"id": fmt.Sprint(backlogFull/2 - 1)}})
		require.Equal(t, backlogFull+backlogFull/2-1, read())
		b.answered(ackOf(backlogFull + backlogFull/2 - 1)) // and all before it
		require.Equal(t, 2*backlogFull+backlogFull/2-1, read())
	})
}

// TestBacklogOfPresences floods with stanzas that are not answered.
func TestBacklogOfPresences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{}
		for n := range 5 * backlogFull {
			kind := []string{"presence", "chatstate"}[n%2]
			b.came(&waBinary.Node{Tag: kind})
			b.handled(stanza{tag: kind})
		}
		require.Empty(t, b.waiting)
	})
}

// TestBacklogPatience has a handler that waits for what comes far behind: it is let through,
// but never more than there is room for. A slow handler is waited for.
func TestBacklogPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{}
		read := reading(t, b)
		for n := range 10 {
			time.Sleep(backlogPatience / 2)
			b.answered(ackOf(n))
		}
		require.Equal(t, backlogFull-1, read())
		time.Sleep(2 * backlogPatience)
		require.Equal(t, backlogOver+10-1, read())
		time.Sleep(time.Hour)
		b.answered(ackOf(backlogFull))
		require.Equal(t, backlogOver+10-1, read())
		b.answered(ackOf(backlogOver))
		require.Greater(t, read(), backlogOver+10)
	})
}

// TestBacklogCleared ends the connection while its reader waits.
func TestBacklogCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{}
		read := reading(t, b)
		require.Equal(t, backlogFull-1, read())
		b.clear()
		require.Equal(t, 2*backlogFull-1, read())
	})
}
