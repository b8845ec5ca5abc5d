package mongo

import (
	"context"
	"slices"
	"sync"
)

// gather puts what several callers want done at the same time into one command: each costs a wait for
// the disk, and on a replica set one for the other members. A command takes what came while others were
// under way. The zero gather with its limits set is ready for use.
type gather[T any] struct {
	atOnce int         // commands under way
	most   int         // that go in one command, and
	bytes  int         // how many bytes of them; but one may be larger
	size   func(T) int // about

	mu      sync.Mutex
	waiting []*gathered[T]
	away    int // commands that are under way, or about to be
}

// gathered is what one caller wants done, and waits for.
type gathered[T any] struct {
	what T
	lead chan struct{} // closed when its caller is to send the next command
	done chan error    // what became of it, when another's command took it
}

// do has one thing done, with others that wait. send does several and says of each what became of it;
// it is called with what is its caller's own first. Once that has begun, ctx counts no more for the others.
func (g *gather[T]) do(ctx context.Context, what T, send func(all []T) []error) error {
	one := &gathered[T]{what: what, lead: make(chan struct{}), done: make(chan error, 1)}
	g.enter(one)
	select {
	case <-one.lead:
		return g.lead(one, send)
	case err := <-one.done:
		return err
	case <-ctx.Done():
	}
	if g.leave(one) {
		return ctx.Err()
	}
	select { // it is under way, or was told to lead just now
	case <-one.lead:
		g.next()
		return ctx.Err()
	case err := <-one.done:
		return err
	}
}

// lead sends the command for its own and what waits, and then has another lead.
func (g *gather[T]) lead(own *gathered[T], send func([]T) []error) error {
	defer g.next()
	batch := g.take(own)
	all := make([]T, len(batch))
	for i, one := range batch {
		all[i] = one.what
	}
	errs := send(all)
	for i, one := range batch[1:] {
		one.done <- errs[i+1]
	}
	return errs[0]
}

// enter puts one in line, or has it lead at once.
func (g *gather[T]) enter(one *gathered[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.away < g.atOnce {
		g.away++
		close(one.lead)
		return
	}
	g.waiting = append(g.waiting, one)
}

// leave takes one out of the line; false when it is not in it any more.
func (g *gather[T]) leave(one *gathered[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := slices.Index(g.waiting, one)
	if n < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, n, n+1)
	return true
}

// take takes out of the line what goes together with own.
func (g *gather[T]) take(own *gathered[T]) []*gathered[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	batch, bytes := []*gathered[T]{own}, g.size(own.what)
	for len(g.waiting) > 0 && len(batch) < g.most {
		if bytes += g.size(g.waiting[0].what); bytes > g.bytes {
			break
		}
		batch = append(batch, g.waiting[0])
		g.waiting = g.waiting[1:]
	}
	return batch
}

// next ends a command: the first that waits leads the next.
func (g *gather[T]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.waiting = nil
		g.away--
		return
	}
	close(g.waiting[0].lead)
	g.waiting = g.waiting[1:]
}
