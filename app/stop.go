package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// phase is a group of parts that stop together, before those of the next one.
type phase struct {
	name  string
	until float64 // when it has to have ended, as a share of SHUTDOWN_GRACE since the stop began
	parts []part
}

// When the first and the last thing that is stopped has to have ended, as shares of SHUTDOWN_GRACE.
// Whoever ends early leaves the rest of his time to those who come after; whoever does not end takes
// nothing of theirs.
const (
	httpShare  = 0.4
	storeShare = 1.0
)

// answerShare is when requests that run still are told to give up, and answer what there is.
const answerShare = 0.3

// runningPhase is a phase that was started.
type runningPhase struct {
	phase
	stop context.CancelFunc
	work *errgroup.Group
}

// startParts starts all parts. They outlive ctx: each phase ends when it is told to.
func (a *App) startParts() []runningPhase {
	var running []runningPhase
	for _, p := range a.phases {
		ctx, stop := context.WithCancel(context.Background())
		r := runningPhase{p, stop, &errgroup.Group{}}
		for _, one := range p.parts {
			r.work.Go(func() error { return one.Run(ctx) })
		}
		running = append(running, r)
	}
	return running
}

// stop ends everything in order: requests and streams, then the phases, then the store. What does
// not end in its share of the grace is left behind, and named in the error.
func (a *App) stop(running []runningPhase) error {
	began := time.Now()
	until := func(share float64) (context.Context, context.CancelFunc) {
		return context.WithDeadline(context.Background(), began.Add(time.Duration(share*float64(a.cfg.ShutdownGrace))))
	}
	a.stopHTTP(until, func() {
		a.endRequests()
		running[0].stop() // the sessions, whose acknowledgements a send waits for whatever its request does
	})
	var err error
	for _, p := range running {
		p.stop()
		ctx, cancel := until(p.until)
		err = errors.Join(err, within(ctx, p.name, p.work.Wait))
		cancel()
	}
	ctx, cancel := until(storeShare)
	defer cancel()
	return errors.Join(err, within(ctx, "the store", a.closeParts))
}

// stopHTTP ends streams and long-polls at once, and gives requests time to be answered; giveUp is called
// when most of that is over, and they are to answer what there is. Who does not
// take his answer in time is cut, which is not the server's failure.
func (a *App) stopHTTP(until func(float64) (context.Context, context.CancelFunc), giveUp func()) {
	ctx, cancel := until(httpShare)
	defer cancel()
	late, cancelLate := until(answerShare)
	defer cancelLate()
	defer context.AfterFunc(late, giveUp)()
	a.front.streams.Close(ctx)
	if err := a.server.Shutdown(ctx); err != nil {
		a.log.Warn("requests were cut", zap.Error(err))
		if err := a.server.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.log.Warn("http server not closed cleanly", zap.Error(err))
		}
	}
	a.endRequests()
}

// within runs f and gives up waiting when ctx ends.
func within(ctx context.Context, name string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s did not end in time (SHUTDOWN_GRACE)", name)
	}
}

// closeParts closes what is open, the store before the world that may still hold its words. It says
// what went wrong, in the log too, and may be called again.
func (a *App) closeParts() error {
	var failed error
	a.closing.Do(func() {
		if a.socket != nil {
			_ = a.socket.Close() // Serve has closed it already, in most cases
		}
		if a.files != nil {
			if err := a.files.Close(); err != nil {
				a.log.Error("place of files not closed cleanly", zap.Error(err))
			}
		}
		if a.store != nil {
			if err := a.store.Close(); err != nil {
				a.log.Error("store not closed cleanly", zap.Error(err))
				failed = fmt.Errorf("close the store: %w", err)
			}
		}
		if a.owner != nil {
			if err := a.owner.Release(); err != nil {
				a.log.Error("lock of the store not released cleanly", zap.Error(err))
			}
		}
		a.world.close(a.log)
	})
	return failed
}
