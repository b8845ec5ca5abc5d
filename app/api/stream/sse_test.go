package stream

import (
	"bytes"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// response takes what a stream writes.
type response struct {
	mu       sync.Mutex
	header   http.Header
	body     bytes.Buffer
	flushed  int // bytes
	deadline time.Time
}

func (r *response) Header() http.Header { return r.header }
func (r *response) WriteHeader(int)     {}

func (r *response) Write(raw []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.Write(raw)
}

func (r *response) FlushError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushed = r.body.Len()
	return nil
}

func (r *response) SetWriteDeadline(at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = at
	return nil
}

// taken is what has reached the client.
func (r *response) taken() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.String()[:r.flushed]
}

func (r *response) remains() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.deadline)
}

func TestEventStreamPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, lone := lone(t)
		w := &response{header: http.Header{}}
		s := &eventStream{subscriber: lone, w: w, rc: http.NewResponseController(w)}
		s.sub = h.subscription(s.ctx, s)
		var done sync.WaitGroup
		done.Go(s.run)
		time.Sleep(streamBeat - time.Millisecond)
		synctest.Wait()
		require.Empty(t, w.taken())
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.Equal(t, ": ping\n\n", w.taken())
		require.Equal(t, streamWrite, w.remains(), "each write has its own deadline")
		time.Sleep(streamBeat)
		synctest.Wait()
		require.Equal(t, ": ping\n\n: ping\n\n", w.taken())
		s.end(errLeft)
		done.Wait()
	})
}
