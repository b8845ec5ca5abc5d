package api

import (
	"sync"

	"github.com/gorilla/websocket"
)

const (
	queueFrames = 256     // frames that wait for a client
	queueBytes  = 2 << 20 // of frames that wait; a single larger one may wait alone
)

// frame is something that waits for a client.
type frame struct {
	bytes   []byte                     // as its transport sends it; shared, never changed
	socket  *websocket.PreparedMessage // the same with its WebSocket header, if many get it
	session string                     // of an event; empty for what the server says itself
	seq     int64
	passed  map[string]int64 // by session: up to where the client has, with this frame, all that it asked for
}

// queue holds the frames that wait for one client. It is bounded and safe for concurrent use.
type queue struct {
	more chan struct{} // has a token when there may be a frame
	room chan struct{} // has a token when there may be room

	mu     sync.Mutex
	frames []frame
	bytes  int
}

func newQueue() *queue {
	return &queue{more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// offer queues a frame, unless there is no room.
func (q *queue) offer(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) > 0 && (len(q.frames) >= queueFrames || q.bytes+len(f.bytes) > queueBytes) {
		return false
	}
	q.frames = append(q.frames, f)
	q.bytes += len(f.bytes)
	signal(q.more)
	if len(q.frames) < queueFrames && q.bytes < queueBytes {
		signal(q.room) // for whoever waits beside
	}
	return true
}

// take removes the oldest frame.
func (q *queue) take() (frame, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return frame{}, false
	}
	f := q.frames[0]
	q.frames[0] = frame{}
	q.frames = q.frames[1:]
	q.bytes -= len(f.bytes)
	if len(q.frames) == 0 {
		q.frames = nil
	}
	signal(q.room)
	return f, true
}

// first is the seq of the oldest waiting event of a session.
func (q *queue) first(session string) (int64, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range q.frames {
		if f.session == session {
			return f.seq, true
		}
	}
	return 0, false
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
