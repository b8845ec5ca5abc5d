package keys_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

// FuzzModel drives sessions at random, with commits that fail and crashes, and compares
// with two maps: what is seen, and what a crash leaves. Every two bytes are one step.
func FuzzModel(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		steps := make([]byte, 240)
		for i := range steps {
			steps[i] = byte(rnd.Uint32())
		}
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		m := newModel(t)
		for i := 0; i+1 < len(steps); i += 2 {
			m.step(int(steps[i]), int(steps[i+1]), i)
			m.compare()
		}
		m.life.die()
		_ = m.d.Close(ctx)
	})
}

var modelAddresses = []string{"a:0", "a:1", "a:12", "ab:0", "b:0", "b:1", "c:0"}

type model struct {
	t          *testing.T
	mem        *memStore
	life       *mortal
	d          *keys.Device
	failing    bool
	seen, kept map[string]string
}

func newModel(t *testing.T) *model {
	m := &model{t: t, mem: newMemStore(), seen: map[string]string{}, kept: map[string]string{}}
	m.open()
	link(t, m.d.Whatsmeow())
	return m
}

func (m *model) open() {
	m.life = &mortal{Log: m.mem}
	d, err := keys.Open(ctx, keys.Config{Session: session, Devices: m.mem, Log: m.life, CacheSize: 4, CacheBytes: 2000})
	require.NoError(m.t, err)
	m.d = d
}

func (m *model) compare() {
	many, err := m.d.Whatsmeow().Sessions.GetManySessions(ctx, modelAddresses)
	require.NoError(m.t, err)
	for a, raw := range many {
		require.Equal(m.t, m.seen[a], string(raw), a)
	}
}

// keeps checks the result of something that keeps all.
func (m *model) keeps(err error) {
	if m.failing {
		require.ErrorIs(m.t, err, store.ErrUnavailable)
		return
	}
	require.NoError(m.t, err)
	m.kept = maps.Clone(m.seen)
}

func (m *model) step(action, pick, n int) {
	s := m.d.Whatsmeow().Sessions
	a, b := modelAddresses[pick%7], modelAddresses[(pick/7)%7]
	v := fmt.Sprint("value ", n)
	switch action % 10 {
	case 0, 1:
		m.seen[a] = v
		m.keeps(s.PutSession(ctx, a, []byte(v)))
	case 2:
		delete(m.seen, a)
		m.keeps(s.DeleteSession(ctx, a))
	case 3:
		user, before := a[:1], len(m.seen)
		maps.DeleteFunc(m.seen, func(address, _ string) bool { return strings.HasPrefix(address, user+":") })
		if err := s.DeleteAllSessions(ctx, user); before != len(m.seen) {
			m.keeps(err)
		} else {
			require.NoError(m.t, err)
		}
	case 4, 5:
		m.txn(a, b, v, pick%3 == 0)
	case 6:
		if m.d.Pending() {
			m.keeps(m.d.Flush(ctx))
		} else {
			require.NoError(m.t, m.d.Flush(ctx))
		}
	case 7:
		_, err := m.d.Commit(ctx, store.Unit{})
		m.keeps(err)
	case 8:
		m.failing = pick%2 == 0
		m.mem.setFail(map[bool]error{true: store.ErrUnavailable}[m.failing])
	case 9:
		m.life.die()
		_ = m.d.Close(ctx)
		m.open()
		m.seen = maps.Clone(m.kept)
	}
}

func (m *model) txn(a, b, v string, fail bool) {
	s, bad := m.d.Whatsmeow().Sessions, errors.New("bad")
	err := m.d.Whatsmeow().EventBuffer.DoDecryptionTxn(ctx, func(in context.Context) error {
		require.NoError(m.t, s.PutSession(in, a, []byte(v)))
		require.NoError(m.t, s.DeleteSession(in, b))
		if fail {
			return bad
		}
		return nil
	})
	if fail {
		require.ErrorIs(m.t, err, bad)
		return
	}
	require.NoError(m.t, err)
	m.seen[a] = v
	delete(m.seen, b)
}

// mortal keeps nothing after it died.
type mortal struct {
	store.Log
	mu   sync.Mutex
	dead bool
}

func (l *mortal) die() {
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
}

func (l *mortal) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return store.Kept{}, store.ErrFenced
	}
	return l.Log.Commit(ctx, u)
}

// TestConcurrentUse counts in many sessions at once, as decryptions, sends and plain
// writers do, while others commit; no step may be lost.
func TestConcurrentUse(t *testing.T) {
	for name, open := range map[string]func() backend{
		"mem":    func() backend { return memBackend{newMemStore()} },
		"sqlite": func() backend { return openSqlite(t) },
	} {
		t.Run(name, func(t *testing.T) {
			back := open()
			d := openDevice(t, back, func(c *keys.Config) { c.CacheSize = 3 })
			wa := link(t, d.Whatsmeow())
			s := wa.Sessions
			next := func(raw []byte) []byte {
				n := 0
				_, _ = fmt.Sscan(string(raw), &n)
				return fmt.Append(nil, n+1)
			}
			const each = 60
			var work, background sync.WaitGroup
			for w := range 4 {
				work.Go(func() { // decryptions
					for i := range each {
						a := fmt.Sprint((w+i)%5, ":0")
						require.NoError(t, wa.EventBuffer.DoDecryptionTxn(ctx, func(in context.Context) error {
							raw, err := s.GetSession(in, a)
							if err != nil {
								return err
							}
							return s.PutSession(in, a, next(raw))
						}))
					}
				})
				work.Go(func() { // sends
					for i := range each {
						a := fmt.Sprint((w+i)%5, ":0")
						for {
							send := keys.WithSend(ctx)
							many, err := s.GetManySessions(send, []string{a})
							require.NoError(t, err)
							if err = s.PutManySessions(send, map[string][]byte{a: next(many[a])}); err == nil {
								break
							}
							require.ErrorIs(t, err, keys.ErrStale)
						}
					}
				})
			}
			stop := make(chan struct{})
			for range 2 {
				background.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						_, err := d.Commit(ctx, store.Unit{})
						require.NoError(t, err)
						_, _, err = wa.Contacts.PutPushName(ctx, pn("1"), fmt.Sprint(n))
						require.NoError(t, err)
						_, err = wa.Contacts.GetAllContacts(ctx)
						require.NoError(t, err)
						require.NoError(t, wa.LIDs.PutLIDMapping(ctx, lid(fmt.Sprint("9", n%3)), pn(fmt.Sprint("3", n%2))))
						_, err = wa.PreKeys.GenOnePreKey(ctx)
						require.NoError(t, err)
					}
				})
			}
			work.Wait()
			close(stop)
			background.Wait()
			require.NoError(t, d.Flush(ctx))
			var total int
			for _, dev := range []*keys.Device{d, openDevice(t, back)} {
				many, err := dev.Whatsmeow().Sessions.GetManySessions(ctx, []string{"0:0", "1:0", "2:0", "3:0", "4:0"})
				require.NoError(t, err)
				total = 0
				for _, raw := range many {
					n := 0
					_, err := fmt.Sscan(string(raw), &n)
					require.NoError(t, err)
					total += n
				}
				require.Equal(t, 4*2*each, total)
			}
		})
	}
}
