package whatsapp

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Errors of what the account does to messages.
var (
	// ErrNotYours says that the message is somebody else's, and that the account may not do this to it.
	ErrNotYours = errors.New("message is somebody else's")
	// ErrEditExpired says that the message is too old to be edited.
	ErrEditExpired = errors.New("message is too old to be edited")
	// ErrNotThat says that this cannot be done to a message of this kind, or one that has not gone out or was
	// taken back.
	ErrNotThat = errors.New("cannot be done to this message")
)

// EditWindow is how long after it was sent a message can be edited, as WhatsApp says in its help pages.
const EditWindow = 15 * time.Minute

// React reacts to a message with an emoji; with none it takes the reaction back. It returns the message as it is
// then. Errors are store.ErrNotFound, ErrOffline, ErrRefused, ErrNotThat, and ErrUnconfirmed: it goes out by itself, once.
func (s *Session) React(ctx context.Context, on Which, emoji string) (store.Message, error) {
	return s.do(ctx, on, func(_ *conn, m store.Message, key *waCommon.MessageKey) (*waE2E.Message, error) {
		return &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{
			Key: key, Text: proto.String(emoji), SenderTimestampMS: proto.Int64(now().UnixMilli()),
		}}, there(m)
	})
}

// Edit gives a text of the account another wording. Errors are those of React, ErrNotYours and ErrEditExpired.
func (s *Session) Edit(ctx context.Context, on Which, text string) (store.Message, error) {
	return s.do(ctx, on, func(_ *conn, m store.Message, key *waCommon.MessageKey) (*waE2E.Message, error) {
		switch err := there(m); {
		case err != nil:
			return nil, err
		case !m.FromMe:
			return nil, ErrNotYours
		case m.Type != convert.TypeText:
			return nil, ErrNotThat
		case time.Since(m.Timestamp) > EditWindow:
			return nil, ErrEditExpired
		}
		return &waE2E.Message{EditedMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
			Key: key, Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), EditedMessage: reworded(m, text), TimestampMS: proto.Int64(now().UnixMilli()),
		}}}}, nil
	})
}

// reworded is a text with other words: what it answers, whom it mentions and its timer stay.
func reworded(m store.Message, text string) *waE2E.Message {
	var was waE2E.Message
	if err := proto.Unmarshal(m.Raw, &was); err != nil { // then nothing more is known of it
		return Text(text).write(nil)
	}
	return Text(text).write(convert.Unwrap(&was).GetExtendedTextMessage().GetContextInfo())
}

// Revoke deletes a message for everyone: one of the account, or in a group of which it is an admin anybody's. Errors
// are those of React, and ErrNotYours. One that was deleted already stays so.
func (s *Session) Revoke(ctx context.Context, on Which) (store.Message, error) {
	return s.do(ctx, on, func(c *conn, m store.Message, key *waCommon.MessageKey) (*waE2E.Message, error) {
		if err := there(m); err != nil {
			return nil, err
		}
		if !m.FromMe {
			if err := c.mayRevoke(ctx, m); err != nil {
				return nil, err
			}
		}
		return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: key, Type: waE2E.ProtocolMessage_REVOKE.Enum()}}, nil
	})
}

// mayRevoke asks WhatsApp whether the account is an admin where somebody else has written.
func (c *conn) mayRevoke(ctx context.Context, m store.Message) error {
	d := c.draft()
	if err := d.meet(ctx, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.s.m.cfg.SendTimeout)
	defer cancel()
	admin, err := c.isAdmin(ctx, m.Chat, d.me())
	switch {
	case errors.Is(err, errNever), err == nil && !admin:
		return ErrNotYours
	case err != nil:
		return c.notSent(err)
	}
	return nil
}

// there says whether something can be done to a message: WhatsApp has it, and it was not taken back.
func there(m store.Message) error {
	if m.Status == store.StatusQueued || m.Status == store.StatusFailed || !m.RevokedAt.IsZero() || m.Type == store.TypeSystem {
		return ErrNotThat
	}
	return nil
}
