package keys_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

func TestStrictWritersShareCommits(t *testing.T) {
	for _, fault := range []error{nil, store.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemStore()
			d, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
			require.NoError(t, err)
			wa := link(t, d.Whatsmeow())
			before, tries := m.commits(), m.tries
			m.gate = make(chan struct{})
			var wg sync.WaitGroup
			write := func(n int) {
				wg.Go(func() {
					assert.ErrorIs(t, wa.Sessions.PutSession(ctx, fmt.Sprint(n, ":0"), []byte("x")), fault)
				})
			}
			write(0)
			synctest.Wait() // its commit waits at the gate
			for n := 1; n <= 10; n++ {
				write(n)
			}
			synctest.Wait() // they wait for it
			m.setFail(fault)
			close(m.gate)
			wg.Wait()
			assert.Equal(t, 2, m.tries-tries, "ten writers shared one commit")
			if fault == nil {
				assert.Equal(t, 2, m.commits()-before)
			}
			m.setFail(nil)
			require.NoError(t, d.Close(ctx))
			all, err := openDevice(t, memBackend{m}).Whatsmeow().Sessions.GetManySessions(ctx, []string{"0:0", "10:0"})
			require.NoError(t, err)
			assert.Len(t, all["0:0"], 1)
			assert.Len(t, all["10:0"], 1)
		})
	}
}

func TestWaitingHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemStore()
		d, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.NoError(t, err)
		wa := link(t, d.Whatsmeow())
		m.gate = make(chan struct{})
		done := make(chan error)
		go func() { done <- wa.Sessions.PutSession(ctx, "a:0", []byte("x")) }()
		synctest.Wait()
		short, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		require.ErrorIs(t, wa.Sessions.PutSession(short, "b:0", []byte("x")), context.DeadlineExceeded)
		close(m.gate)
		require.NoError(t, <-done)
		require.NoError(t, d.Close(ctx))
		require.Contains(t, m.keys["session"], "b:0", "it was pending all the same")
	})
}

func TestLazyFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemStore()
		d, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.NoError(t, err)
		wa := link(t, d.Whatsmeow())
		before := m.commits()
		_, _, err = wa.Contacts.PutPushName(ctx, pn("1"), "One")
		require.NoError(t, err)
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		require.True(t, d.Pending())
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		require.False(t, d.Pending())
		require.Equal(t, before+1, m.commits())

		m.setFail(store.ErrUnavailable)
		_, _, err = wa.Contacts.PutPushName(ctx, pn("1"), "Two")
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.True(t, d.Pending())
		m.setFail(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.False(t, d.Pending(), "it is tried again")

		_, _, err = wa.Contacts.PutPushName(ctx, pn("1"), "Three")
		require.NoError(t, err)
		require.NoError(t, d.Close(ctx))
		require.NoError(t, d.Close(ctx))
		require.False(t, d.Pending())
		require.Equal(t, before+3, m.commits())
		_, _, err = wa.Contacts.PutPushName(ctx, pn("1"), "Four")
		require.ErrorIs(t, err, keys.ErrClosed)
		_, err = d.Commit(ctx, store.Unit{})
		require.ErrorIs(t, err, keys.ErrClosed)
	})
}

func TestLostSessionStopsTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemStore()
		d, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.NoError(t, err)
		wa := link(t, d.Whatsmeow())
		m.setFail(store.ErrFenced)
		_, _, err = wa.Contacts.PutPushName(ctx, pn("1"), "One")
		require.NoError(t, err)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, 2, m.tries, "once, besides linking")
		require.ErrorIs(t, wa.Sessions.PutSession(ctx, "a:0", nil), store.ErrFenced)
		require.ErrorIs(t, d.Close(ctx), store.ErrFenced)
	})
}

func TestIdleDeviceHasNothingRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it would not end if something were left
		m := newMemStore()
		d, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.NoError(t, err)
		link(t, d.Whatsmeow())
		before := m.tries
		require.NoError(t, d.Flush(ctx))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, before, m.tries)
	})
}
