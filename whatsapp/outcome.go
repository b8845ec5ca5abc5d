package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// gathering is how long what became of a message waits for that of others of its session, which are
// on their way too and are kept with it.
const gathering = 5 * time.Millisecond

// sent keeps and tells that WhatsApp's server has the message. It does not wait until that is kept:
// if it never is, as after a kill, the message is still queued and is sent anew under the same id, which
// WhatsApp takes for the same message. Who reads the session through Settled sees it in any case.
func (c *conn) sent(m store.Message, at time.Time) (store.Message, error) {
	status, ts := store.StatusSent, plausible(at)
	if !ts.Equal(at) {
		ts = m.Timestamp
	}
	m.Status, m.Timestamp = status, ts
	c.s.recent.raise(m.MessageKey, status)
	people, err := c.s.PeopleOf(c.ctx, convert.IDs(m)...)
	if err != nil {
		c.s.recent.forget()
		return m, err
	}
	d := c.draft()
	d.unit.Updates = []store.MessageUpdate{{Key: m.MessageKey, Status: &status, Timestamp: &ts}}
	first := c.s.tellsSent(m.ID)
	if first {
		d.tellSent(m, people)
	}
	d.undo = func() {
		c.s.recent.forget()
		if first {
			c.s.told.Remove(m.ID)
		}
	}
	c.owed.Add(1)
	_, err = d.hand(func(err error) {
		c.owed.Add(-1)
		if err != nil { // the message stays queued, and is sent again at the next login
			c.settle(m, err)
		}
	})
	if err != nil {
		return m, fmt.Errorf("%w: sent, but not kept: %w", ErrUnconfirmed, err)
	}
	soon := time.Duration(0)
	if c.s.flight.others() {
		soon = gathering
	}
	c.dev.KeepWithin(soon)
	return m, nil
}

// Settled returns when all that callers of Send were told by now is kept, so that reads of the
// store see it.
func (s *Session) Settled(ctx context.Context) error {
	c := s.live.Load()
	if c == nil || c.owed.Load() == 0 {
		return nil
	}
	return c.dev.Settled(ctx)
}

// tellsSent says whether it is for the caller to tell that a message was sent: for whichever
// comes first of the acknowledgement and a receipt, which proves the same. A caller that
// could not tell takes the message out of told again.
func (s *Session) tellsSent(id string) bool {
	told, _ := s.told.ContainsOrAdd(id, struct{}{})
	return !told
}

// tellSent adds the events of a message that WhatsApp's server has.
func (d *draft) tellSent(m store.Message, people convert.People) {
	m.Status = store.StatusSent
	d.event(EventMessageSent, cause(m.MessageKey), MessageData{Message: convert.MessageOf(m, people)})
	d.event(EventMessageStatus, cause(m.MessageKey)+"\x00"+m.Status, MessageStatusData{
		ChatID: convert.AddressOf(m.Chat, people).ID, MessageID: m.ID, Status: m.Status, By: convert.AddressOf(m.Sender, people), Timestamp: convert.Time(m.Timestamp),
	})
}

// Codes of what became of a message that was not sent.
const (
	FailureRefused = "whatsapp_refused"
	FailureOffline = "session_offline"
	FailureExpired = "expired"
	FailureNobody  = "not_on_whatsapp"
)

// failed keeps and tells why the message was not sent, and returns that reason.
func (c *conn) failed(m store.Message, reason error) (store.Message, error) {
	status := store.StatusFailed
	f := store.Failure{Code: FailureRefused, Detail: reason.Error()}
	switch {
	case errors.Is(reason, ErrOffline):
		f = store.Failure{Code: FailureOffline, Detail: ErrOffline.Error(), Retryable: true}
	case errors.Is(reason, errExpired):
		f.Code = FailureExpired
	case errors.Is(reason, ErrNotOnWhatsApp):
		f.Code = FailureNobody
	}
	m.Status, m.Failure = status, &f
	c.s.recent.drop(m.MessageKey)
	people, err := c.s.PeopleOf(c.ctx, convert.IDs(m)...)
	if err != nil {
		return m, errors.Join(reason, err)
	}
	d := c.draft()
	d.unit.Updates = []store.MessageUpdate{{Key: m.MessageKey, Status: &status, Failure: &f}}
	shape, attempt := convert.MessageOf(m, people), fmt.Sprintf("\x00%d", nowNano())
	d.event(EventMessageError, cause(m.MessageKey)+attempt, MessageErrorData{Message: shape, Code: f.Code, Detail: f.Detail, Retryable: f.Retryable})
	d.event(EventMessageStatus, cause(m.MessageKey)+"\x00"+status+attempt, MessageStatusData{
		ChatID: shape.ChatID, MessageID: m.ID, Status: status, By: shape.From, Timestamp: convert.Time(now()), Error: shape.Error,
	})
	if err := d.commit(c.ctx); err != nil {
		return m, errors.Join(reason, err)
	}
	return m, reason
}

// resendPage is how many queued messages are read at once.
const resendPage = 100

// errExpired says that a queued message is too old to be sent now.
var errExpired = errors.New("not acknowledged by WhatsApp in time, and too old to be sent again")

// resendSoon sends what is queued, unless that goes on already: at each login, and while the
// session is connected now and again, since acknowledgements get lost on good connections too.
func (c *conn) resendSoon() {
	if !c.usable() || !c.resends.CompareAndSwap(false, true) {
		return
	}
	c.work.Go(func() {
		defer c.resends.Store(false)
		c.resendQueued()
	})
}

// resendQueued sends, under the ids they have, all messages whose acknowledgement never came:
// WhatsApp and the recipients know a message by its id, so none arrives twice.
func (c *conn) resendQueued() {
	tried := map[store.MessageKey]bool{}
	for {
		// Those that were tried and are still queued are read again, before the others.
		queued, err := c.s.m.cfg.Store.Messages().Queued(c.ctx, c.s.id, resendPage+len(tried))
		if err != nil {
			c.s.log.Warn("queued messages not read", zap.Error(err))
			return
		}
		fresh := false
		for _, m := range queued {
			if tried[m.MessageKey] {
				continue
			}
			if !c.usable() {
				return
			}
			fresh, tried[m.MessageKey] = true, true
			c.resendOne(m)
		}
		if !fresh {
			return
		}
	}
}

// resendOne sends a queued message, unless somebody is sending it or has sent it since it was read.
func (c *conn) resendOne(m store.Message) {
	if _, started := c.s.flight.start(m.ID); !started {
		return
	}
	var now store.Message
	err := c.dev.Settled(c.ctx)
	if err == nil {
		now, err = c.s.m.cfg.Store.Messages().Get(c.ctx, c.s.id, m.MessageKey)
	}
	if err == nil && now.Status == store.StatusQueued {
		now, err = c.resend(now)
	}
	c.s.flight.end(m.ID, now, err)
	if err != nil {
		c.s.log.Info("queued message not sent", zap.String("message", m.ID), zap.Error(err))
	}
}

func (c *conn) resend(m store.Message) (store.Message, error) {
	to, err := c.whereTo(m)
	if err == nil { // one that was queued while the session was offline may be for nobody
		to, err = c.recipient(c.ctx, to.String())
	}
	if errors.Is(err, ErrNotOnWhatsApp) {
		return c.failed(m, err)
	}
	if err != nil {
		return m, err
	}
	var content waE2E.Message
	if err := proto.Unmarshal(m.Raw, &content); err != nil || len(m.Raw) == 0 {
		return c.failed(m, errors.New("the queued message cannot be read"))
	}
	if time.Since(m.StoredAt) > c.s.m.cfg.QueueMaxAge {
		return c.failed(m, errExpired)
	}
	return c.transmit(to, m, &content, nil)
}

// whereTo is the address to which a stored message goes: that of its chat's person as it is now.
func (c *conn) whereTo(m store.Message) (types.JID, error) {
	people, err := c.s.PeopleOf(c.ctx, m.Chat)
	if err != nil {
		return types.EmptyJID, err
	}
	if p, ok := people[m.Chat]; ok {
		return addressOf(p)
	}
	jid, err := types.ParseJID(m.Chat)
	if err != nil {
		return jid, fmt.Errorf("address of a chat: %w", err)
	}
	return jid, nil
}

// flight knows the messages that are being sent, so that the same id is not sent twice at
// the same time.
type flight struct {
	mu  sync.Mutex
	ids map[string]*sending
}

// sending is the result of a send, for all who wait for it.
type sending struct {
	done    chan struct{}
	message store.Message
	err     error
}

func (o *sending) wait(ctx context.Context) (store.Message, error) {
	select {
	case <-o.done:
		return o.message, o.err
	case <-ctx.Done():
		return store.Message{}, fmt.Errorf("%w: %w", ErrUnconfirmed, ctx.Err())
	}
}

// start registers id; started is false when it is on its way already.
func (f *flight) start(id string) (o *sending, started bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o := f.ids[id]; o != nil {
		return o, false
	}
	if f.ids == nil {
		f.ids = map[string]*sending{}
	}
	o = &sending{done: make(chan struct{})}
	f.ids[id] = o
	return o, true
}

// others says whether more than one message is on its way.
func (f *flight) others() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ids) > 1
}

func (f *flight) end(id string, m store.Message, err error) {
	f.mu.Lock()
	o := f.ids[id]
	delete(f.ids, id)
	f.mu.Unlock()
	o.message, o.err = m, err
	close(o.done)
}
