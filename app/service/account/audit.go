package account

import (
	"context"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

const (
	auditQueue = 10_000 // entries that wait for the store at most
	auditBatch = 500    // entries that do not wait for the next tick
)

// Audit notes who did what. Noting never waits; entries are kept together, a moment later.
type Audit struct {
	Records store.Audit
	Log     *zap.Logger
	Lost    func() // told of each entry that goes to the log instead; it must not wait
	queue   chan store.AuditEntry
}

// NewAudit makes the audit log.
func NewAudit(records store.Audit, log *zap.Logger) *Audit {
	return &Audit{Records: records, Log: log, Lost: func() {}, queue: make(chan store.AuditEntry, auditQueue)}
}

// Begin makes the entry of a call that begins now. Entries are in the order in which their calls began:
// who waits for one answer before the next call finds his calls in his own order.
func (a *Audit) Begin() store.AuditEntry {
	return store.AuditEntry{ID: service.NewID("aud_"), At: service.Now()}
}

// ActionLinked is the action of a phone that has linked a session: nobody calls for that, the phone does.
const ActionLinked = "session.linked"

// Linked notes that a phone has linked a session.
func (a *Audit) Linked(session string) {
	e := a.Begin()
	e.Action, e.Target = ActionLinked, session
	a.Note(e)
}

// Note adds an entry that Begin made. Where the store has been away for so long that the queue is full, the
// entry goes to the log instead.
func (a *Audit) Note(e store.AuditEntry) {
	select {
	case a.queue <- e:
	default:
		a.lose(e)
	}
}

// lose writes an entry to the log, since it cannot be kept.
func (a *Audit) lose(e store.AuditEntry) {
	a.Lost()
	a.Log.Error("audit entry not kept", zap.Time("at", e.At), zap.String("user", e.UserID), zap.String("key", e.KeyID), zap.String("action", e.Action),
		zap.String("target", e.Target), zap.String("address", e.Address), zap.Int("status", e.Status), zap.String("request", e.RequestID))
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
			if waiting = append(waiting, e); len(waiting) < auditBatch {
				continue
			}
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			for len(a.queue) > 0 {
				waiting = append(waiting, <-a.queue)
			}
			if !a.keep(last, waiting) {
				a.loseAll(waiting)
			}
			return nil
		}
		if a.keep(ctx, waiting) {
			waiting = nil
		}
		if over := len(waiting) - auditQueue; over > 0 { // the oldest have waited for longest
			a.loseAll(waiting[:over])
			waiting = waiting[over:]
		}
	}
}

func (a *Audit) loseAll(entries []store.AuditEntry) {
	for _, e := range entries {
		a.lose(e)
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
