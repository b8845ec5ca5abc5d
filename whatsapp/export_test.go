package whatsapp

import (
	"context"
	"fmt"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/whatsapp/convert"
)

// ForgetRecent makes the session know no more of its sends than after a restart.
func (s *Session) ForgetRecent() { s.recent.forget() }

// Stanza hands the session's client a stanza as if WhatsApp had sent it, over the bytes that it
// would come in. It returns when it is handled and kept, as far as it is; an error says that it has no binary form.
func (s *Session) Stanza(ctx context.Context, n waBinary.Node) error {
	raw, err := waBinary.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode stanza: %w", err)
	}
	raw, err = waBinary.Unpack(raw)
	if err != nil {
		return fmt.Errorf("unpack stanza: %w", err)
	}
	got, err := waBinary.Unmarshal(raw)
	if err != nil {
		return fmt.Errorf("decode stanza: %w", err)
	}
	mark(got)
	c := s.live.Load()
	wa := c.client.DangerousInternals()
	handlers := map[string]func(context.Context, *waBinary.Node){
		"message": wa.HandleEncryptedMessage, "appdata": wa.HandleEncryptedMessage, "status": wa.HandleUnencryptedMessage,
		"receipt": wa.HandleReceipt, "call": wa.HandleCallEvent, "chatstate": wa.HandleChatState, "presence": wa.HandlePresence,
		"notification": wa.HandleNotification, "iq": wa.HandleIQ, "ib": wa.HandleIB,
	}
	if handle := handlers[got.Tag]; handle != nil {
		handle(ctx, got)
	}
	return c.dev.Settled(ctx)
}

// Handle hands the session an event of its client, and says whether it is kept.
func (s *Session) Handle(event any) bool { return s.live.Load().handle(event) }

// Muted says whether the client knows that the phone has muted a chat, by any of its addresses.
func (s *Session) Muted(ctx context.Context, addresses ...string) bool {
	for _, a := range addresses {
		jid, err := convert.ParseAddress(a)
		if err != nil {
			continue
		}
		if set, err := s.live.Load().dev.Whatsmeow().ChatSettings.GetChatSettings(ctx, jid); err == nil && !set.MutedUntil.IsZero() {
			return true
		}
	}
	return false
}

// Backlog says how many stanzas wait to be handled, as far as it is seen, and counts how often some
// were.
func (s *Session) Backlog() (waiting, handles int) {
	b := s.live.Load().in
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting), b.handles
}

// MoveAppState leaves a collection of app state as a crash does that comes before whatsmeow has
// told what is in it.
func (s *Session) MoveAppState(ctx context.Context, name string) error {
	state := s.live.Load().dev.Whatsmeow().AppState
	version, hash, err := state.GetAppStateVersion(ctx, name)
	if err != nil {
		return err
	}
	if err := state.PutAppStateVersion(ctx, name, version, hash); err != nil {
		return err
	}
	return state.PutAppStateMutationMACs(ctx, name, version, nil)
}

// Hidden is the LID that belongs to a phone number as whatsmeow knows it.
func (s *Session) Hidden(ctx context.Context, phone string) types.JID {
	jid, err := convert.ParseAddress(phone)
	if err != nil {
		return types.EmptyJID
	}
	lid, err := s.live.Load().dev.Whatsmeow().LIDs.GetLIDForPN(ctx, jid)
	if err != nil {
		return types.EmptyJID
	}
	return lid.ToNonAD()
}

// SendAsWhatsmeow sends a content as whatsmeow does where nothing goes past it.
func (s *Session) SendAsWhatsmeow(ctx context.Context, to types.JID, what Content) error {
	_, err := s.live.Load().client.SendMessage(ctx, to, what.write(nil))
	return err
}
