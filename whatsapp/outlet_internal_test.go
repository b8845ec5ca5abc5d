package whatsapp

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// through is a connection that goes through an outlet, and what came out at its other end.
func through(t *testing.T, o *outlet) (conn net.Conn, arrived func() string) {
	here, there := net.Pipe()
	c := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil }}}
	o.over(c)
	conn, err := c.Transport.(*http.Transport).DialContext(t.Context(), "tcp", "x:1")
	require.NoError(t, err)
	var got []byte
	go func() {
		buf := make([]byte, 100)
		for {
			n, err := there.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				return
			}
		}
	}()
	return conn, func() string {
		synctest.Wait()
		return string(got)
	}
}

func say(t *testing.T, c io.Writer, text string) {
	t.Helper()
	n, err := c.Write([]byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

func TestWhatIsSentWaitsForWhatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutlet(func() {})
		c, arrived := through(t, o)
		say(t, c, "a")
		require.Equal(t, "a", arrived())
		first := o.hold()
		say(t, c, "b")
		second := o.hold()
		say(t, c, "c")
		say(t, c, "d")
		require.Equal(t, "a", arrived())
		first(true)
		require.Equal(t, "ab", arrived(), "what came after the second waits for it")
		say(t, c, "e")
		second(true)
		require.Equal(t, "abcde", arrived())
		say(t, c, "f")
		require.Equal(t, "abcdef", arrived())
		require.NoError(t, c.Close())
	})
}

func TestNothingLeavesAfterSomethingWasNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutlet(func() {})
		c, arrived := through(t, o)
		first, second := o.hold(), o.hold()
		say(t, c, "a")
		first(false)
		second(true)
		require.Empty(t, arrived())
		_, err := c.Write([]byte("b"))
		require.ErrorIs(t, err, errHeld)
		other, alsoArrived := through(t, o)
		_, err = other.Write([]byte("c"))
		require.ErrorIs(t, err, errHeld)
		require.Empty(t, arrived()+alsoArrived())
		require.NoError(t, c.Close())
		require.NoError(t, other.Close())
	})
}

func TestALotHeldBackHoldsUpWhoWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutlet(func() {})
		c, arrived := through(t, o)
		release := o.hold()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 3 {
				say(t, c, string(make([]byte, maxHeld/2+1)))
			}
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Error("more was taken than may be held back")
		default:
		}
		release(true)
		<-done
		require.Len(t, arrived(), 3*(maxHeld/2+1))
		require.NoError(t, c.Close())
	})
}
