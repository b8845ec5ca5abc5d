package keys_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

// answers collects what became of units of KeepReceived, in the order in which it was told.
type answers struct {
	mu  sync.Mutex
	all []string
}

func (a *answers) of(name string) func(error) {
	return func(err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all = append(a.all, fmt.Sprint(name, " ", err == nil))
	}
}

// later decrypts a message and hands its unit over.
func later(t *testing.T, d *keys.Device, wa *wastore.Device, a *answers, n byte) {
	t.Helper()
	in := message(n)
	require.NotNil(t, decrypt(t, wa, in))
	require.NoError(t, d.KeepReceived(ctx, keys.Received{Unit: unit(in), At: sentAt}, a.of(in.plain)))
	require.Nil(t, buffered(t, wa, in).Plaintext, "a redelivery is answered as processed")
	require.NoError(t, wa.EventBuffer.ClearBufferedEventPlaintext(ctx, in.hash))
}

func inBubble(t *testing.T, test func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device)) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemStore()
		d, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.NoError(t, err)
		test(t, m, d, link(t, d.Whatsmeow()))
		m.setFail(nil)
		require.NoError(t, d.Close(ctx))
	})
}

func TestUnitsThatWaitAreKeptTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
		var a answers
		before := m.commits()
		m.gate = make(chan struct{})
		later(t, d, wa, &a, 1)
		synctest.Wait() // its commit waits at the gate
		for n := byte(2); n <= 5; n++ {
			later(t, d, wa, &a, n)
		}
		require.Empty(t, a.all)
		require.True(t, d.Pending())
		close(m.gate)
		require.NoError(t, d.Settled(ctx))
		require.Equal(t, []string{"plain 1 true", "plain 2 true", "plain 3 true", "plain 4 true", "plain 5 true"}, a.all)
		require.Equal(t, 2, m.commits()-before)
		require.Len(t, m.last().Messages, 4)
		require.Equal(t, "step 5", string(m.keys["session"]["911_1:0"]))
		require.False(t, plaintextKept(m), "no plaintext was ever stored")
	})
}

func TestAKnownMessageAmongUnitsThatWait(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
		var a answers
		m.known[unit(message(3)).Messages[0].MessageKey] = true
		m.gate = make(chan struct{})
		for n := byte(1); n <= 4; n++ {
			later(t, d, wa, &a, n)
			synctest.Wait()
		}
		close(m.gate)
		require.NoError(t, d.Settled(ctx))
		require.Equal(t, []string{"plain 1 true", "plain 2 true", "plain 3 true", "plain 4 true"}, a.all)
		require.Equal(t, "step 4", string(m.keys["session"]["911_1:0"]))
		stored := map[string]int{}
		for _, u := range m.units {
			for _, msg := range u.Messages {
				stored[msg.ID]++
			}
		}
		require.Equal(t, map[string]int{"plain 1": 1, "plain 2": 1, "plain 4": 1}, stored)
	})
}

func TestNothingReceivedOvertakesWhatWasNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
		var a answers
		m.gate = make(chan struct{})
		for n := byte(1); n <= 3; n++ {
			later(t, d, wa, &a, n)
			synctest.Wait()
		}
		m.setFail(store.ErrUnavailable)
		close(m.gate)
		require.NoError(t, d.Settled(ctx))
		require.Equal(t, []string{"plain 1 false", "plain 2 false", "plain 3 false"}, a.all)
		m.setFail(nil)

		in := message(4)
		require.NotNil(t, decrypt(t, wa, in))
		require.ErrorIs(t, d.KeepReceived(ctx, keys.Received{Unit: unit(in), At: sentAt}, a.of("never")), store.ErrUnavailable)
		_, err := d.CommitReceived(ctx, unit(in), sentAt)
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.Len(t, a.all, 3)

		// The keys are another matter: what was decrypted is found again by its plaintext.
		require.NoError(t, d.Flush(ctx))
		require.Equal(t, "step 4", string(m.keys["session"]["911_1:0"]))
		again, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.NoError(t, err)
		for n := byte(1); n <= 4; n++ {
			in := message(n)
			require.Equal(t, in.plain, string(decrypt(t, again.Whatsmeow(), in)))
			require.NoError(t, again.KeepReceived(ctx, keys.Received{Unit: unit(in), At: sentAt}, a.of(in.plain)))
		}
		require.NoError(t, again.Close(ctx))
		require.Equal(t, []string{"plain 1 true", "plain 2 true", "plain 3 true", "plain 4 true"}, a.all[3:])
	})
}

func TestKeepReceivedWaitsWhenVeryManyDo(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
		var a answers
		m.gate = make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := range byte(100) {
				later(t, d, wa, &a, n+1)
			}
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("a store that hangs must hold up who hands over")
		default:
		}
		close(m.gate)
		<-done
		require.NoError(t, d.Settled(ctx))
		require.Len(t, a.all, 100)
		require.Len(t, m.known, 100)
	})
}

// A message that is new costs no look into the store's buffer, one that is delivered again
// after a restart is found there.
func TestTheStoreIsNotAskedForNewMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
		var a answers
		later(t, d, wa, &a, 1)
		require.NoError(t, d.Settled(ctx))
		asked := 0
		m.onGet = func() { asked++ }
		for n := byte(2); n < 50; n++ {
			later(t, d, wa, &a, n)
		}
		require.NoError(t, d.Settled(ctx))
		require.LessOrEqual(t, asked, 48, "one for each, which is not for the buffer")
		m.onGet = nil

		again, err := keys.Open(ctx, keys.Config{Session: session, Devices: m, Log: m})
		require.NoError(t, err)
		for n := byte(1); n < 50; n++ {
			require.Nil(t, decrypt(t, again.Whatsmeow(), message(n)), "it was processed")
		}
		require.NoError(t, again.Close(ctx))
	})
}

// What is handed over waits for the next commit, here the one of the keys of a send, and
// goes with it.
func TestAUnitGoesWithTheKeysOfItsSend(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
		var a answers
		before := m.commits()
		sending := keys.WithSend(ctx)
		_, err := wa.Sessions.GetSession(sending, "a:0")
		require.NoError(t, err)
		handed, err := d.Hand(unit(message(1)), a.of("sent"))
		require.NoError(t, err)
		require.Equal(t, before, m.commits())
		require.NoError(t, wa.Sessions.PutSession(sending, "a:0", []byte("x")))
		require.Equal(t, []string{"sent true"}, a.all)
		_, err = handed.Wait(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, m.commits()-before)
		require.Len(t, m.last().Messages, 1)
		require.Len(t, m.last().Keys, 1)

		// Without keys to go with, it is kept by whoever waits for it, or after a while.
		handed, err = d.Hand(unit(message(2)), nil)
		require.NoError(t, err)
		_, err = handed.Wait(ctx)
		require.NoError(t, err)
		_, err = d.Hand(unit(message(3)), a.of("late"))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, "late true", a.all[1])

		// A failure is told, and takes nothing with it.
		m.setFail(store.ErrUnavailable)
		handed, err = d.Hand(unit(message(4)), a.of("lost"))
		require.NoError(t, err)
		require.ErrorIs(t, wa.Sessions.PutSession(ctx, "b:0", []byte("y")), store.ErrUnavailable)
		_, err = handed.Wait(ctx)
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.Equal(t, "lost false", a.all[2])
		m.setFail(nil)
		require.NoError(t, d.Flush(ctx))
		require.Len(t, m.known, 3)
		require.Equal(t, "y", string(m.keys["session"]["b:0"]))
	})
}

// TestWhatIsNeverKept has the store refuse a unit among others for good: what its caller has in
// place of it is kept, in its place, and the device goes on.
func TestWhatIsNeverKept(t *testing.T) {
	never := errors.New("never")
	for name, c := range map[string]struct {
		dislikes func(store.Unit) bool
		instead  []store.Unit
		want     []string // ids of messages that are kept
		broken   bool
	}{
		"something else is": {
			func(u store.Unit) bool {
				return slices.ContainsFunc(u.Messages, func(m store.Message) bool { return m.ID == "plain 2" })
			},
			[]store.Unit{{Messages: []store.Message{{MessageKey: store.MessageKey{ID: "instead"}}}}},
			[]string{"plain 1", "instead", "plain 3"},
			false,
		},
		"nothing but the keys": {
			func(u store.Unit) bool {
				return slices.ContainsFunc(u.Messages, func(m store.Message) bool { return m.ID == "plain 2" || m.ID == "instead" })
			},
			[]store.Unit{{Messages: []store.Message{{MessageKey: store.MessageKey{ID: "instead"}}}}, {}},
			[]string{"plain 1", "plain 3"},
			false,
		},
		"not even those": {
			func(u store.Unit) bool {
				return slices.ContainsFunc(u.Keys, func(k store.KeyChange) bool { return string(k.Value) == "step 2" || string(k.Value) == "step 3" })
			},
			[]store.Unit{{}},
			[]string{"plain 1"},
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
				var a answers
				m.gate = make(chan struct{})
				m.fail = func(u store.Unit) error {
					if c.dislikes(u) {
						return never
					}
					return nil
				}
				for n := byte(1); n <= 3; n++ {
					in := message(n)
					require.NotNil(t, decrypt(t, wa, in))
					left := c.instead
					require.NoError(t, d.KeepReceived(ctx, keys.Received{Unit: unit(in), At: sentAt, Instead: func(err error) (u store.Unit, ok bool) {
						require.ErrorIs(t, err, never)
						if len(left) == 0 {
							return u, false
						}
						u, left = left[0], left[1:]
						return u, true
					}}, a.of(in.plain)))
					synctest.Wait()
				}
				close(m.gate)
				require.NoError(t, d.Settled(ctx))
				var got []string
				for _, u := range m.units {
					for _, msg := range u.Messages {
						got = append(got, msg.ID)
					}
				}
				require.Equal(t, c.want, got)
				in := message(4)
				require.NotNil(t, decrypt(t, wa, in))
				err := d.KeepReceived(ctx, keys.Received{Unit: unit(in), At: sentAt}, a.of(in.plain))
				if c.broken {
					require.ErrorIs(t, err, never)
					require.Equal(t, []string{"plain 1 true", "plain 2 false", "plain 3 false"}, a.all)
					return
				}
				require.NoError(t, err)
				require.NoError(t, d.Settled(ctx))
				require.Equal(t, []string{"plain 1 true", "plain 2 true", "plain 3 true", "plain 4 true"}, a.all)
				require.Equal(t, "step 4", string(m.keys["session"]["911_1:0"]))
				require.False(t, plaintextKept(m))
			})
		})
	}
}

// TestAWriterDoesNotKeepTheBurstBehindIt writes keys, as a send does, while messages come one after
// the other for a second: it waits for its own commit and one before it, and not for theirs.
func TestAWriterDoesNotKeepTheBurstBehindIt(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memStore, d *keys.Device, wa *wastore.Device) {
		const commit = 10 * time.Millisecond
		m.gate = make(chan struct{})
		over := make(chan struct{})
		done := make(chan struct{})
		go func() { // a commit takes so long
			defer close(done)
			for {
				time.Sleep(commit)
				select {
				case m.gate <- struct{}{}:
				case <-over:
					return
				}
			}
		}()
		burst := make(chan struct{})
		go func() {
			defer close(burst)
			for i := range 1000 {
				u := store.Unit{Messages: []store.Message{{MessageKey: store.MessageKey{ID: fmt.Sprint(i)}}}}
				if err := d.KeepReceived(ctx, keys.Received{Unit: u}, nil); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond)
			}
		}()
		for range 20 {
			began := time.Now()
			require.NoError(t, wa.Sessions.PutSession(ctx, "911_1:0", []byte("of a send")))
			require.LessOrEqual(t, time.Since(began), 4*commit)
		}
		<-burst
		require.NoError(t, d.Settled(ctx))
		close(over)
		<-done
		m.gate = nil
	})
}
