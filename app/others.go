package app

import (
	"context"

	"go.uber.org/zap"

	"whatsapp-api/app/events"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/store"
)

// partFunc is a part that is one function.
type partFunc func(context.Context) error

// Run is the function.
func (f partFunc) Run(ctx context.Context) error { return f(ctx) }

// others are the parts that let this server see what others on the same store do: what they change, and what
// happens in the sessions that they own.
func (a *App) others(log *events.Log, tokens *account.Tokens, courier *deliver.Courier) []part {
	changed := func(ctx context.Context, topic store.Topic) {
		switch topic {
		case store.TopicAccess:
			tokens.ChangedElsewhere()
		case store.TopicOwners: // which is rare: all come back at once, and see what they may see now
			a.manager.Changed()
			a.front.streams.EndAll()
			courier.Changed()
			if err := a.manager.Reread(ctx); err != nil {
				a.log.Warn("changed sessions not read", zap.Error(err))
			}
		case store.TopicSessions:
			a.manager.Changed()
			log.SessionCreated()
		case store.TopicWebhooks, store.TopicDeliveries:
			courier.Changed()
		}
	}
	return []part{
		partFunc(func(ctx context.Context) error {
			a.store.Changes().Watch(ctx, func(t store.Topic) { changed(ctx, t) })
			return nil
		}),
		partFunc(func(ctx context.Context) error { return log.Run(ctx, a.store.Leases(), a.log.Named("events")) }),
	}
}
