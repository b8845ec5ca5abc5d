package consumer

import (
	"container/heap"
	"context"
	"slices"
	"time"

	"whatsapp-api/store"
)

// laneKeeps is how many items of a lane stay in memory once they have records.
const laneKeeps = 20

// lane is what waits of one chat, in order: items first, then what only the store has, then
// the tail.
type lane struct {
	key    store.DeliveryLane
	items  []*item
	stored int     // records that were left to the store; an estimate, but right in being 0
	tail   []*item // without a record; as soon as they have one they are left to the store too
	busy   bool    // a worker has it
	queued bool
	failed bool      // its first was tried in vain
	due    time.Time // of the first; zero: now
	index  int       // in queue.later
}

func (l *lane) empty() bool { return len(l.items)+l.stored+len(l.tail) == 0 }

func laneOf(d store.Delivery) store.DeliveryLane {
	return store.DeliveryLane{Webhook: d.WebhookID, Session: d.SessionID, Chat: d.Chat, Replay: d.Replay}
}

// lane needs mu. Replays have lanes of their own: they do not hold up what is new.
func (r *runner) lane(key store.DeliveryLane) *lane {
	l := r.lanes[key]
	if l == nil {
		l = &lane{key: key, index: -1}
		r.lanes[key] = l
	}
	return l
}

// place needs mu. It is the lane of an item: that of its chat, or where something of the same chat waits
// under another name.
func (r *runner) place(i *item) store.DeliveryLane {
	key := laneOf(i.record)
	for _, chat := range i.keys {
		other := key
		other.Chat = chat
		if r.lanes[other] != nil {
			return other
		}
	}
	return key
}

// enqueue needs mu.
func (r *runner) enqueue(i *item) {
	l := r.lane(r.place(i))
	i.lane, i.record.Chat = l, l.key.Chat
	r.size++
	if i.event != nil {
		if r.data+len(i.event.Data) > windowData {
			i.event = nil
		} else {
			r.data += len(i.event.Data)
		}
	}
	if l.stored+len(l.tail) > 0 {
		l.tail = append(l.tail, i)
	} else {
		l.items = append(l.items, i)
	}
	r.ready(l)
}

// has needs mu. It finds the delivery with this id in a lane's memory.
func (l *lane) has(id string) *item {
	for _, list := range [][]*item{l.items, l.tail} {
		for _, i := range list {
			if i.record.ID == id {
				return i
			}
		}
	}
	return nil
}

// drop needs mu. It leaves an item to the store, which has its record.
func (r *runner) drop(i *item) {
	i.lane.stored++
	i.done = true
	r.release(i)
	r.size--
}

// release needs mu. It forgets the event of an item, which may be long; it can be read again.
func (r *runner) release(i *item) {
	if i.event != nil {
		r.data -= len(i.event.Data)
		i.event = nil
	}
}

// spill needs mu. It leaves to the store what has a record of a lane that holds more than it should.
func (r *runner) spill(l *lane) {
	keep := laneKeeps
	if r.size > window/2 && l.failed && !l.busy { // its turn comes late
		keep = 0
	}
	if len(l.items) > keep && slices.ContainsFunc(l.items[keep:], func(i *item) bool { return i.kept }) {
		l.tail = append(slices.Clone(l.items[keep:]), l.tail...)
		l.items = slices.Clone(l.items[:keep])
	}
	rest := l.tail[:0]
	for _, i := range l.tail {
		if i.kept && !r.changed[i] {
			r.drop(i)
		} else {
			rest = append(rest, i)
		}
	}
	clear(l.tail[len(rest):])
	if l.tail = rest; len(rest) == 0 {
		l.tail = nil
	}
}

// head is the first item of a busy lane; nil when there is none. It reads what was left to the store.
func (r *runner) head(ctx context.Context, l *lane) (*item, error) {
	r.mu.Lock()
	here := len(l.items) > 0
	if here {
		defer r.mu.Unlock()
		return l.items[0], nil
	}
	r.mu.Unlock()
	r.flushing.Lock() // so that the store has all of the lane but what comes meanwhile
	defer r.flushing.Unlock()
	if err := r.p.write(ctx, []*runner{r}); err != nil {
		return nil, err
	}
	list, err := r.p.deliveries.Lane(ctx, l.key, laneKeeps)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range list {
		if l.has(d.ID) == nil { // one of the tail may have changed since
			l.items = append(l.items, &item{record: d, keys: []string{d.Chat}, kept: true, lane: l, since: time.Now()})
			r.size++
		}
	}
	l.stored = max(l.stored-len(list), 1)
	if len(list) < laneKeeps { // that was all
		l.items, l.tail, l.stored = append(l.items, l.tail...), nil, 0
	}
	if len(l.items) == 0 {
		return nil, nil
	}
	return l.items[0], nil
}

// queue holds the lanes that wait for a worker.
type queue struct {
	fresh []*lane // whose first was not tried
	again []*lane // whose first is to be tried again
	later laneHeap
	turn  bool // it is the turn of those that are tried again
}

// ready needs mu. It puts a lane into the queue, unless it is there or a worker has it.
func (r *runner) ready(l *lane) {
	switch {
	case l.busy || l.queued:
		return
	case l.due.After(time.Now()):
		heap.Push(&r.queue.later, l)
	case l.failed:
		r.queue.again = append(r.queue.again, l)
	default:
		r.queue.fresh = append(r.queue.fresh, l)
	}
	l.queued = true
}

// hurry needs mu. A lane that waits for a better time is due now.
func (r *runner) hurry(l *lane) {
	l.due = time.Time{}
	if l.index >= 0 {
		heap.Remove(&r.queue.later, l.index)
		l.queued = false
		r.ready(l)
	}
}

// hurryAll needs mu.
func (r *runner) hurryAll() {
	for len(r.queue.later) > 0 {
		r.hurry(r.queue.later[0])
	}
}

// rouse needs mu. It moves what has become due.
func (r *runner) rouse(at time.Time) {
	for q := &r.queue; len(q.later) > 0 && !q.later[0].due.After(at); {
		l := heap.Pop(&q.later).(*lane)
		l.queued = false
		r.ready(l)
	}
}

// next takes a lane that is due; those that were not tried, and those that are tried again, in turn.
func (q *queue) next() *lane {
	from := &q.fresh
	if len(q.fresh) == 0 || q.turn && len(q.again) > 0 {
		from = &q.again
	}
	q.turn = from == &q.fresh
	return pop(from)
}

func pop(from *[]*lane) *lane {
	if len(*from) == 0 {
		return nil
	}
	l := (*from)[0]
	(*from)[0] = nil
	*from = (*from)[1:]
	l.queued = false
	return l
}

// laneHeap has the lane that is due first in front.
type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for package heap.
func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.index = len(*h)
	*h = append(*h, l)
}

// Pop is for package heap.
func (h *laneHeap) Pop() any {
	n := len(*h) - 1
	l := (*h)[n]
	(*h)[n] = nil
	*h = (*h)[:n]
	l.index = -1
	return l
}
