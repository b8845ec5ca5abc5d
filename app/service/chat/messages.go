package chat

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// Messages holds the rules of stored messages.
type Messages struct {
	Records store.Messages
	Log     *zap.Logger
}

// cleanupPage is how many messages are deleted at once, so that nobody waits for long.
const cleanupPage = 500

// Cleanup deletes the messages from before a moment and says how many; with dryRun it only
// counts them.
func (m *Messages) Cleanup(ctx context.Context, session string, before time.Time, dryRun bool) (int, error) {
	if dryRun {
		n, err := m.Records.Count(ctx, session, before)
		if err != nil {
			return 0, fmt.Errorf("count messages: %w", err)
		}
		return n, nil
	}
	total := 0
	for {
		n, err := m.Records.DeleteBefore(ctx, session, before, cleanupPage)
		total += n
		if err != nil {
			return total, fmt.Errorf("delete messages: %w", err)
		}
		if n < cleanupPage {
			m.Log.Info("messages deleted", zap.String("session", session), zap.Int("count", total))
			return total, nil
		}
	}
}
