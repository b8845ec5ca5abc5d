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
	"whatsapp-api/whatsapp/keys"
)

// Text is a text message to be sent.
type Text struct {
	To       string   // phone number, JID or LID
	Text     string   // the text itself
	Quoted   string   // id of the message to answer, stored in the same chat; may be empty
	Mentions []string // phone numbers, JIDs or LIDs of those mentioned with @ in the text
	ID       string   // message id; made when empty. The same id is never sent as a second message
}

// NewMessageID makes an id that looks like those of WhatsApp's own web client.
func NewMessageID() string {
	raw := make([]byte, 9)
	rand.Read(raw) // never fails, see crypto/rand
	return whatsmeow.WebMessageIDPrefix + strings.ToUpper(hex.EncodeToString(raw))
}

// SendText sends a text and returns the stored message once WhatsApp's server has it.
//
// convert.ErrAddress, ErrNotOnWhatsApp and ErrNoQuoted say that nothing was sent or stored.
// ErrRefused and ErrOffline: it did not go out; if it had been stored, it is as failed.
// ErrUnconfirmed: it is stored as queued and goes out, once, as soon as WhatsApp answers.
func (s *Session) SendText(ctx context.Context, t Text) (store.Message, error) {
	if err := s.own(ctx); err != nil {
		return store.Message{}, err
	}
	c := s.live.Load()
	if !c.usable() {
		return store.Message{}, ErrOffline
	}
	fresh := t.ID == ""
	if fresh {
		t.ID = NewMessageID()
	}
	to, err := c.recipient(ctx, t.To)
	if err != nil {
		return store.Message{}, err
	}
	content, err := c.textContent(ctx, t, to)
	if err != nil {
		return store.Message{}, err
	}
	return c.send(ctx, to, outgoing{id: t.ID, fresh: fresh, content: content})
}

// outgoing is a message on its way out.
type outgoing struct {
	id      string
	fresh   bool // the id was made for it just now
	content *waE2E.Message
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

// textContent builds the message with what it answers and whom it mentions.
func (c *conn) textContent(ctx context.Context, t Text, to types.JID) (*waE2E.Message, error) {
	info := &waE2E.ContextInfo{}
	if t.Quoted != "" {
		if err := c.quote(ctx, info, to, t.Quoted); err != nil {
			return nil, err
		}
	}
	for _, m := range t.Mentions {
		jid, err := convert.ParseAddress(m)
		if err != nil {
			return nil, fmt.Errorf("mention %q: %w", m, err)
		}
		info.MentionedJID = append(info.MentionedJID, jid.String())
	}
	timed, err := c.timed(ctx, info, to)
	if err != nil {
		return nil, err
	}
	if t.Quoted == "" && len(t.Mentions) == 0 && !timed {
		return &waE2E.Message{Conversation: proto.String(t.Text)}, nil
	}
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(t.Text), ContextInfo: info}}, nil
}

// timed puts the chat's timer into a message that goes there, as every client does: without it the
// message would stay where all others disappear.
func (c *conn) timed(ctx context.Context, info *waE2E.ContextInfo, to types.JID) (bool, error) {
	keys, err := c.chatKeys(ctx, to)
	if err != nil {
		return false, err
	}
	seconds, known := c.s.timers.Get(keys[0])
	if known && seconds == 0 {
		return false, nil
	}
	chat, err := c.s.m.cfg.Store.Chats().Get(ctx, c.s.id, keys[0])
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read chat: %w", err)
	case !known:
		seconds = chat.Ephemeral
	}
	if seconds == 0 {
		return false, nil
	}
	info.Expiration = proto.Uint32(uint32(seconds))
	if !chat.EphemeralAt.IsZero() {
		info.EphemeralSettingTimestamp = proto.Int64(chat.EphemeralAt.Unix())
	}
	return true, nil
}

// quote fills in a stored message as the one that is answered.
func (c *conn) quote(ctx context.Context, info *waE2E.ContextInfo, to types.JID, id string) error {
	keys, err := c.chatKeys(ctx, to)
	if err != nil {
		return err
	}
	m, err := c.s.m.cfg.Store.Messages().Find(ctx, c.s.id, keys, id)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrNoQuoted, id)
	}
	if err != nil {
		return fmt.Errorf("find quoted message: %w", err)
	}
	sender, err := c.wireSender(ctx, m)
	if err != nil {
		return err
	}
	info.StanzaID, info.Participant = proto.String(m.ID), proto.String(sender)
	info.QuotedMessage = quotable(m)
	return nil
}

// quotable is what a quote holds of a message: its content as the app writes it, without what was
// around it. Nothing is quoted of one that was taken back, or was to be seen once.
func quotable(m store.Message) *waE2E.Message {
	if m.Type == convert.TypeText || len(m.Raw) == 0 || !m.RevokedAt.IsZero() {
		return &waE2E.Message{Conversation: proto.String(m.Text)}
	}
	var raw waE2E.Message
	if err := proto.Unmarshal(m.Raw, &raw); err != nil {
		return &waE2E.Message{Conversation: proto.String(m.Text)}
	}
	return convert.Unwrap(&raw)
}

// wireSender is the sender of a message as its chat knows them: as the message came, else in a
// group by what it is addressed with, and in a chat with a person by the LID where it is known.
func (c *conn) wireSender(ctx context.Context, m store.Message) (string, error) {
	addressing := ""
	if e := m.Envelope; e != nil {
		addressing = e.Addressing
		if jid, err := types.ParseJID(e.Sender); err == nil && convert.IsPerson(convert.Plain(jid)) && !m.FromMe {
			return convert.Plain(jid).String(), nil
		}
	}
	people, err := c.s.PeopleOf(ctx, m.Sender)
	if err != nil {
		return "", err
	}
	p, ok := people[m.Sender]
	switch {
	case !ok:
		return m.Sender, nil
	case p.LID != "" && addressing != string(types.AddressingModePN):
		return p.LID, nil
	}
	return p.Address(), nil
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
	if to.IsBot() { // its answer is sealed with the secret, which must be in what is kept
		o.content.MessageContextInfo = &waE2E.MessageContextInfo{MessageSecret: newSecret()}
	}
	read := convert.Read(o.content)
	own := types.MessageInfo{MessageSource: types.MessageSource{Chat: to, IsFromMe: true}}
	if err := d.meetSource(&own, read); err != nil {
		return m, nil, err
	}
	chat, kind := d.place(to)
	m = store.Message{
		SessionID: c.s.id, MessageKey: store.MessageKey{Chat: chat, Sender: d.me(), ID: o.id}, FromMe: true, New: o.fresh,
		Envelope: &store.Envelope{Chat: to.String()}, Status: store.StatusQueued, Timestamp: now(), StoredAt: now(),
	}
	m.SetBody(d.body(chat, read, rawOf(o.content)))
	contentOf(&m).Source = store.SourceAPI
	if !o.fresh {
		known, err := c.s.m.cfg.Store.Messages().Known(c.ctx, c.s.id, []store.MessageKey{m.MessageKey})
		if err != nil {
			return m, nil, fmt.Errorf("look for message: %w", err)
		}
		if known[m.MessageKey] {
			return m, nil, store.ErrExists
		}
	}
	d.unit.Messages = []store.Message{m}
	if err := d.inChat(c.ctx, store.ChatUpdate{ID: chat, Kind: kind, ActivityAt: m.Timestamp}, &m); err != nil {
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
	var answer whatsmeow.SendResponse
	var err error
	for { // a message that comes in just now can change the keys under a send; then nothing has left
		if err = c.freshMembers(ctx, to); err != nil {
			break
		}
		try := keys.WithSend(ctx)
		answer, err = c.client.SendMessage(try, to, content, whatsmeow.SendRequestExtra{ID: m.ID, Timeout: c.s.m.cfg.SendTimeout})
		if !errors.Is(err, keys.ErrStale) && !keys.Stale(try) || ctx.Err() != nil {
			break
		}
	}
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
