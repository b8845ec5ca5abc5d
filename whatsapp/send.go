package whatsapp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// NewMessageID makes an id that looks like those of WhatsApp's own web client.
func NewMessageID() string {
	raw := make([]byte, 9)
	rand.Read(raw) // never fails, see crypto/rand
	return whatsmeow.WebMessageIDPrefix + strings.ToUpper(hex.EncodeToString(raw))
}

// recipient is the address to which whatsmeow sends. A number that is not known yet is asked for
// at WhatsApp, once.
func (c *conn) recipient(ctx context.Context, text string) (to types.JID, err error) {
	to, err = convert.ParseAddress(text)
	if err != nil || to.Server != types.DefaultUserServer {
		return to, err
	}
	p, ok, err := c.s.person(ctx, to)
	switch {
	case err != nil:
		return to, err
	case ok && p.LID != "": // the number may be one that they had before
		return addressOf(p)
	}
	if lid, err := c.dev.Whatsmeow().GetAltJID(ctx, to); err == nil && !lid.IsEmpty() {
		return to, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.s.m.cfg.SendTimeout)
	defer cancel()
	answer, err := c.client.IsOnWhatsApp(ctx, []string{"+" + to.User})
	if err != nil {
		return to, c.notSent(err)
	}
	for _, a := range answer {
		if a.IsIn {
			return to, nil
		}
	}
	return to, ErrNotOnWhatsApp
}

// addressOf is where to write to a person.
func addressOf(p store.Contact) (types.JID, error) {
	jid, err := types.ParseJID(p.Address())
	if err != nil {
		return jid, fmt.Errorf("address of a contact: %w", err)
	}
	return jid, nil
}

// outgoing is a message on its way out.
type outgoing struct {
	id      string
	fresh   bool // the id was made for it just now
	content *waE2E.Message
}

// send keeps the message as queued, sends it, and keeps what became of it. It goes on when
// the caller has left: a message that may be out must not be forgotten.
func (c *conn) send(ctx context.Context, to types.JID, o outgoing) (store.Message, error) {
	out, started := c.s.flight.start(o.id)
	if !started { // the same id is on its way: its result is this one's
		return out.wait(ctx)
	}
	m, queued, err := c.queue(to, o)
	if errors.Is(err, store.ErrExists) {
		m, err = c.again(to, m)
	} else if err == nil {
		m, err = c.transmit(to, m, o.content, queued)
	}
	c.s.flight.end(o.id, m, err)
	return m, err
}

// queue has the message stored before anything of it leaves: it is kept together with the
// keys that whatsmeow encrypts it with, or else when queued is called, and nothing leaves
// before. When it could not be kept, nothing leaves any more.
func (c *conn) queue(to types.JID, o outgoing) (m store.Message, queued func() error, err error) {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	if m, err = d.queue(c.ctx, to, o); err != nil {
		return m, nil, err
	}
	release := c.out.hold()
	c.s.recent.begin(m.MessageKey)
	queued, err = d.hand(func(err error) {
		if err != nil {
			c.s.recent.forget()
			c.settle(m, err)
		}
		release(err == nil)
	})
	return m, queued, err
}

// queue adds a message to the unit that is to be sent. store.ErrExists says that there is one with its id.
func (d *draft) queue(ctx context.Context, to types.JID, o outgoing) (m store.Message, err error) {
	if to.IsBot() { // its answer is sealed with the secret, which must be in what is kept
		o.content.MessageContextInfo = &waE2E.MessageContextInfo{MessageSecret: newSecret()}
	}
	read := convert.Read(o.content)
	if err := d.meet(ctx, []someone{{jid: to}}, namedIn(read)...); err != nil {
		return m, err
	}
	chat, kind := d.place(to)
	m = store.Message{
		SessionID: d.s.id, MessageKey: store.MessageKey{Chat: chat, Sender: d.me(), ID: o.id}, FromMe: true, New: o.fresh,
		Envelope: &store.Envelope{Chat: to.String()}, Status: store.StatusQueued, Timestamp: now(), StoredAt: now(),
	}
	m.SetBody(d.body(chat, read, rawOf(o.content)))
	contentOf(&m).Source = store.SourceAPI
	if !o.fresh {
		known, err := d.s.m.cfg.Store.Messages().Known(ctx, d.s.id, []store.MessageKey{m.MessageKey})
		if err != nil {
			return m, fmt.Errorf("look for message: %w", err)
		}
		if known[m.MessageKey] {
			return m, store.ErrExists
		}
	}
	d.unit.Messages = []store.Message{m}
	return m, d.inChat(ctx, store.ChatUpdate{ID: chat, Kind: kind, ActivityAt: m.Timestamp}, &m)
}

// again deals with a message id that was used before: what is sent is answered as it is,
// what is still queued is sent under the same id, so that it can arrive once only.
func (c *conn) again(to types.JID, m store.Message) (store.Message, error) {
	if err := c.dev.Settled(c.ctx); err != nil {
		return m, err
	}
	old, err := c.s.m.cfg.Store.Messages().Get(c.ctx, c.s.id, m.MessageKey)
	if err != nil {
		return m, fmt.Errorf("find message: %w", err)
	}
	switch old.Status {
	case store.StatusQueued:
	case store.StatusFailed:
		if old.Failure == nil || !old.Failure.Retryable {
			return old, ErrRefused
		}
	default:
		return old, nil
	}
	var content waE2E.Message
	if err := proto.Unmarshal(old.Raw, &content); err != nil {
		return old, fmt.Errorf("read message: %w", err)
	}
	return c.transmit(to, old, &content, nil)
}

// transmit sends a message and keeps what became of it. queued has it stored before; it is nil for one
// that is stored.
func (c *conn) transmit(to types.JID, m store.Message, content *waE2E.Message, queued func() error) (store.Message, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.s.m.cfg.SendTimeout)
	defer cancel()
	answer, err := c.offer(ctx, to, m.ID, content)
	if queued != nil {
		if err := queued(); err != nil { // then nothing of it has left
			return m, err
		}
	}
	if err == nil {
		return c.sent(m, answer.Timestamp)
	}
	err = c.unsent(answer, err, queued == nil && m.Status == store.StatusQueued)
	if errors.Is(err, ErrUnconfirmed) || errors.Is(err, store.ErrUnavailable) {
		c.s.log.Info("message not acknowledged in time; it stays queued", zap.String("message", m.ID))
		return m, err
	}
	return c.failed(m, err)
}

// unsent is notSent for a message. whatsmeow says that it is not connected also where it was when
// the message left: it waits for the answer, the connection ends, and there is none to ask over. One
// that is tried again may have left before, whatever becomes of this try.
func (c *conn) unsent(answer whatsmeow.SendResponse, err error, again bool) error {
	err = c.notSent(err)
	if (again || answer.DebugTimings.Resp > 0) && errors.Is(err, ErrOffline) { // what was waited for had left
		return fmt.Errorf("%w: %s", ErrUnconfirmed, err.Error())
	}
	return err
}

// notSent gives a failure of whatsmeow its name. What left no doubt that WhatsApp does not
// have the message is ErrOffline, a *Refusal or ErrNotOnWhatsApp; everything else is
// ErrUnconfirmed.
func (c *conn) notSent(err error) error {
	switch {
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFenced):
		return err
	case errors.Is(err, whatsmeow.ErrServerReturnedError):
		code, ok := refusalCode(err)
		if !ok {
			c.s.log.Warn("refusal without code", zap.Error(err))
		}
		return &Refusal{Code: code}
	case errors.Is(err, whatsmeow.ErrNotConnected), errors.Is(err, whatsmeow.ErrNotLoggedIn), errors.Is(err, whatsmeow.ErrIQTimedOut):
		return fmt.Errorf("%w: %w", ErrOffline, err)
	}
	var iq *whatsmeow.IQError
	if errors.As(err, &iq) {
		return &Refusal{Code: iq.Code}
	}
	return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
}
