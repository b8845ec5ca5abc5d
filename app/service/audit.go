package service

import (
	"context"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// auditQueue bounds the entries that wait for the store.
const auditQueue = 10_000

// Audit notes who did what. Noting never waits; entries are kept together, a moment later.
type Audit struct {
	Records store.Audit
	Log     *zap.Logger
	queue   chan store.AuditEntry
}

// NewAudit makes the audit log.
func NewAudit(records store.Audit, log *zap.Logger) *Audit {
	return &Audit{Records: records, Log: log, queue: make(chan store.AuditEntry, auditQueue)}
}

// Begin makes the entry of a call that begins now. Entries are in the order in which their calls began:
// who waits for one answer before the next call finds his calls in his own order.
func (a *Audit) Begin() store.AuditEntry { return store.AuditEntry{ID: newID("aud_"), At: now()} }

// Note adds an entry that Begin made. Where the store has been away for so long that the queue is full, the
// entry goes to the log instead.
func (a *Audit) Note(e store.AuditEntry) {
	select {
	case a.queue <- e:
	default:
		a.Log.Error("audit entry not kept", zap.String("user", e.UserID), zap.String("action", e.Action), zap.String("target", e.Target), zap.String("request", e.RequestID))
	}
}

// Run keeps entries until ctx ends, then those that are left.
func (a *Audit) Run(ctx context.Context) error {
	const every = 200 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	var waiting []store.AuditEntry
	for {
		select {
		case e := <-a.queue:
			if waiting = append(waiting, e); len(waiting) < 500 {
				continue
			}
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			for len(a.queue) > 0 {
				waiting = append(waiting, <-a.queue)
			}
			a.keep(last, waiting)
			return nil
		}
		if a.keep(ctx, waiting) || len(waiting) > auditQueue {
			waiting = nil
		}
	}
}

func (a *Audit) keep(ctx context.Context, entries []store.AuditEntry) bool {
	if len(entries) == 0 {
		return true
	}
	if err := a.Records.Append(ctx, entries); err != nil {
		a.Log.Warn("audit entries wait for the store", zap.Int("count", len(entries)), zap.Error(err))
		return false
	}
	return true
}
