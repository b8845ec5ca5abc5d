package whatsapp

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.uber.org/zap"
)

// App state is what the phone keeps of chats and contacts: names, archived, pinned and muted chats.
// whatsmeow keeps the version that it has fetched, and only then says what changed, once, whatever
// the handler answers. So the keys say which collections have moved without all being told; a
// collection that was left like that, by a crash or by a store that was away, is fetched whole.

const (
	// toldAfter is when a collection that has moved counts as told. whatsmeow tells as soon as it has
	// fetched all, of which each part takes 75 s at most.
	toldAfter = 90 * time.Second
	// toldIdle is how long nothing must have been told then.
	toldIdle = 5 * time.Second
)

// refetch fetches whole what had moved before this login and may not have been told to the end.
func (c *conn) refetch(ctx context.Context) {
	untold, err := c.dev.Untold(ctx)
	if err != nil {
		c.s.log.Warn("app state not looked at", zap.Error(err))
		return
	}
	c.untold = untold
	for name, moved := range untold {
		if moved.First.UnixMilli() >= c.loginAt.Load() { // whatsmeow is at it
			delete(c.untold, name)
			continue
		}
		c.s.log.Info("fetching app state anew, as it may not have been kept to its end", zap.String("collection", name))
		if err := c.client.FetchAppState(ctx, appstate.WAPatchName(name), true, false); err != nil {
			c.s.log.Warn("app state not fetched", zap.String("collection", name), zap.Error(err))
			continue // it is still untold, and the next login tries again
		}
		delete(c.untold, name)
	}
}

// settleAppState forgets which collections have moved, once all in them has been told, and says
// when to look again.
func (c *conn) settleAppState(ctx context.Context) time.Duration {
	untold, err := c.dev.Untold(ctx)
	if err != nil {
		c.s.log.Warn("app state not looked at", zap.Error(err))
		return taskBackoff
	}
	next := taskLongest
	for name, moved := range untold {
		if _, again := c.untold[name]; again {
			continue
		}
		left := max(toldAfter-time.Since(moved.Last), toldIdle-time.Since(time.UnixMilli(c.toldAt.Load())))
		if left > 0 {
			next = min(next, left)
			continue
		}
		if err := c.dev.Told(ctx, name); err != nil {
			c.s.log.Warn("app state not settled", zap.Error(err))
		}
	}
	return next
}
