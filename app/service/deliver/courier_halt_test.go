package deliver

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// late is a store whose list of webhooks reaches the courier late, when a test wants it.
type late struct {
	store.Store
	held atomic.Pointer[holdUp]
}

// holdUp stops one who comes by.
type holdUp struct {
	once     sync.Once
	here, on chan struct{} // closed when he is there; by the test, to let him go on
}

type lateHooks struct {
	store.Webhooks
	s *late
}

func (s *late) Webhooks() store.Webhooks { return lateHooks{s.Store.Webhooks(), s} }

func (h lateHooks) List(ctx context.Context, q store.WebhookQuery) ([]store.Webhook, string, error) {
	list, next, err := h.Webhooks.List(ctx, q)
	if up := h.s.held.Load(); up != nil && q.Owner == "" { // the courier asks for all
		up.once.Do(func() {
			close(up.here)
			<-up.on
		})
	}
	return list, next, err
}

// TestNothingGoesOutOnceItWasStopped pauses, deletes and redirects a webhook while the courier holds
// a list of webhooks from before: nothing more comes to the endpoint it had.
func TestNothingGoesOutOnceItWasStopped(t *testing.T) {
	for name, stop := range map[string]func(*bench, string) error{
		"pause": func(b *bench, id string) error {
			_, err := b.hooks.Pause(b.t.Context(), b.who, id)
			return err
		},
		"delete": func(b *bench, id string) error { return b.hooks.Delete(b.t.Context(), b.who, id) },
		"another url": func(b *bench, id string) error {
			url := newReceiver(b.t, nil).URL
			_, err := b.hooks.Change(b.t.Context(), b.who, id, WebhookSpec{URL: &url})
			return err
		},
	} {
		for when, running := range map[string]bool{"while it runs": true, "while it is started": false} {
			t.Run(name+" "+when, func(t *testing.T) {
				b := newBench(t, quick())
				b.session("s")
				b.stop()
				slow := &late{Store: b.st}
				b.st = slow
				var stopped atomic.Bool
				var after atomic.Int32
				old := newReceiver(t, func(http.ResponseWriter, got) int {
					if stopped.Load() {
						after.Add(1)
					}
					return 200
				})
				witness := newReceiver(t, nil)
				w := b.hook(old.URL, "s")
				b.hook(witness.URL, "s")
				b.say("s", many(3, 10)...)
				up := &holdUp{here: make(chan struct{}), on: make(chan struct{})}
				if running {
					b.start()
					old.awaitTaken(30)
				}
				slow.held.Store(up)
				if !running { // the courier has seen the webhook, and is about to start it
					b.start()
				}
				<-up.here
				require.NoError(t, stop(b, w.ID))
				stopped.Store(true)
				b.say("s", "z/0", "z/1", "z/2")
				if running { // as the courier is held up, the rest goes on as before
					witness.awaitTaken(33)
				}
				close(up.on)
				witness.awaitTaken(33)
				if name == "another url" {
					b.eventually("the courier has looked", func() bool { return b.runs(w.ID) })
				}
				b.say("s", "z/3")
				witness.awaitTaken(34)
				b.stop()
				require.Zero(t, after.Load(), "deliveries to the old endpoint")
			})
		}
	}
}
