package consumer

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"whatsapp-api/store"
)

// retryMark begins the id of a replay that is one delivery, whose id follows on the slash.
const retryMark = "rty_"

// Retry is what is to be kept so that a delivery is tried at once, whatever came of it, and for as long as any
// other: the delivery as it is then, and a cursor for Pool.Replay. One that waits keeps its place in its
// chat; others are replays. newID makes ids.
func Retry(d store.Delivery, newID func(prefix string) string) (store.Delivery, store.WebhookCursor) {
	switch d.Status {
	case store.DeliveryPending:
	case store.DeliveryFailed:
		d.Since, d.NextAttemptAt = time.Time{}, time.Time{}
	default:
		d = again(d)
	}
	return d, store.WebhookCursor{
		WebhookID: d.WebhookID, SessionID: d.SessionID, Replay: newID(retryMark) + "/" + d.ID, Seq: d.Seq - 1, Until: d.Seq, Failed: true,
	}
}

// IsReplay says whether a cursor is of a replay of many events, and not of new ones or of a retry.
func IsReplay(c store.WebhookCursor) bool { return c.Replay != "" && retried(c) == "" }

// retried is the delivery that a cursor asks for; empty: it is of another kind.
func retried(c store.WebhookCursor) string {
	if !strings.HasPrefix(c.Replay, retryMark) {
		return ""
	}
	_, id, _ := strings.Cut(c.Replay, "/")
	return id
}

// again is a delivery that is to be tried anew, for as long as any other.
func again(d store.Delivery) store.Delivery {
	d.Replay, d.Status, d.Since, d.NextAttemptAt, d.Done = true, store.DeliveryPending, time.Time{}, time.Time{}, 0
	return d
}

// inSequence puts deliveries into the order of their events. Ids are not enough for that: those
// of one millisecond are in no order.
func inSequence(list []store.Delivery) {
	slices.SortStableFunc(list, func(a, b store.Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
}

// readRetried takes a delivery up that somebody wants tried again.
func (r *runner) readRetried(c store.WebhookCursor) {
	for {
		err := r.retry(c)
		if err == nil || errors.Is(err, store.ErrNotFound) {
			r.mu.Lock()
			r.asked = append(r.asked, c)
			r.mu.Unlock()
			r.pump()
			return
		}
		if !r.pause(time.Second) {
			return
		}
	}
}

// retry brings a delivery to its next attempt at once, and lets its time begin anew. Its record in the
// store says that it waits, or that it was given up at the moment when somebody asked.
func (r *runner) retry(c store.WebhookCursor) error {
	r.flushing.Lock() // so that the store knows what was delivered until now
	defer r.flushing.Unlock()
	if err := r.p.write(r.ctx, []*runner{r}); err != nil {
		return err
	}
	d, err := r.p.deliveries.Get(r.ctx, r.id, retried(c))
	if err != nil || d.Status == store.DeliveryDelivered {
		return err
	}
	dead := d.Status == store.DeliveryDead
	if dead {
		d = again(d)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(laneOf(d))
	switch i := l.has(d.ID); {
	case i != nil:
		i.record.Since = time.Time{}
		r.changed[i] = true
	case dead || l.stored+len(l.tail) == 0:
		r.restore(l, d, dead)
	default: // it is read when its turn comes
		l.stored++
	}
	r.hurry(l)
	r.ready(l)
	return nil
}

// restore needs mu. It takes up a delivery that has a record, which is to be changed or is right.
func (r *runner) restore(l *lane, d store.Delivery, changed bool) {
	i := &item{record: d, keys: []string{d.Chat}, kept: true, lane: l, since: time.Now()}
	if changed {
		r.changed[i] = true
	}
	if l.stored+len(l.tail) > 0 {
		l.tail = append(l.tail, i)
	} else {
		l.items = append(l.items, i)
	}
	r.size++
}
