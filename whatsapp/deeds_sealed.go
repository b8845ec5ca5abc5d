package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// ErrNoOption says that a vote is for what the poll has not, or for more than it allows.
var ErrNoOption = errors.New("not a choice of this poll")

// Vote votes in a poll for the options with these texts, in place of an earlier vote; none takes it back. Errors are
// those of React and ErrNoOption; ErrNotThat also of a poll that is closed, or whose secret is not here.
func (s *Session) Vote(ctx context.Context, on Which, options []string) (store.Message, error) {
	return s.do(ctx, on, func(c *conn, m store.Message, key *waCommon.MessageKey) (*waE2E.Message, error) {
		hashes, err := choices(m, options)
		if err != nil {
			return nil, err
		}
		keys, err := c.sealingKeys(ctx, m, key)
		if err != nil {
			return nil, err
		}
		payload, iv, err := convert.SealVote(m.ID, keys, hashes)
		if err != nil {
			return nil, fmt.Errorf("seal vote: %w", err)
		}
		return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{
			PollCreationMessageKey: key, Vote: &waE2E.PollEncValue{EncPayload: payload, EncIV: iv}, SenderTimestampMS: proto.Int64(now().UnixMilli()),
		}}, nil
	})
}

// choices are the hashes of the options of a poll with these texts.
func choices(m store.Message, options []string) ([][]byte, error) {
	if err := there(m); err != nil {
		return nil, err
	}
	if m.Content == nil || m.Content.Poll == nil || m.Content.Poll.Results {
		return nil, ErrNotThat
	}
	poll := m.Content.Poll
	if poll.ClosesAt != 0 && poll.ClosesAt <= time.Now().UnixMilli() {
		return nil, fmt.Errorf("%w: the poll is closed", ErrNotThat)
	}
	hashes, all := [][]byte{}, poll.All(m.Live)
	for i, text := range options {
		at := slices.IndexFunc(all, func(o store.PollOption) bool { return o.Text == text })
		if at < 0 || slices.Contains(options[:i], text) {
			return nil, ErrNoOption
		}
		hashes = append(hashes, all[at].Sum())
	}
	if poll.MaxSelections > 0 && len(hashes) > poll.MaxSelections {
		return nil, ErrNoOption
	}
	return hashes, nil
}

// answered are the words of the store for an answer, as WhatsApp has them.
var answered = map[string]waE2E.EventResponseMessage_EventResponseType{
	store.AnswerGoing: waE2E.EventResponseMessage_GOING, store.AnswerMaybe: waE2E.EventResponseMessage_MAYBE,
	store.AnswerNotGoing: waE2E.EventResponseMessage_NOT_GOING,
}

// Answer answers a calendar event with one of the store's answers, in place of an earlier one. Errors are those of
// React; ErrNotThat also of an event that was cancelled, or whose secret is not here.
func (s *Session) Answer(ctx context.Context, on Which, answer string) (store.Message, error) {
	return s.do(ctx, on, func(c *conn, m store.Message, key *waCommon.MessageKey) (*waE2E.Message, error) {
		if err := there(m); err != nil {
			return nil, err
		}
		if m.Content == nil || m.Content.CalendarEvent == nil || m.Content.CalendarEvent.Cancelled {
			return nil, ErrNotThat
		}
		keys, err := c.sealingKeys(ctx, m, key)
		if err != nil {
			return nil, err
		}
		payload, iv, err := convert.SealAnswer(m.ID, keys, answered[answer], now())
		if err != nil {
			return nil, fmt.Errorf("seal answer: %w", err)
		}
		return &waE2E.Message{EncEventResponseMessage: &waE2E.EncEventResponseMessage{EventCreationMessageKey: key, EncPayload: payload, EncIV: iv}}, nil
	})
}

// sealingKeys are what an answer of the account to a message is sealed with: the message's secret, and author and
// account as the chat addresses people.
func (c *conn) sealingKeys(ctx context.Context, m store.Message, key *waCommon.MessageKey) (k convert.Keys, err error) {
	if k.Secret, err = secretOf(m); err != nil || len(k.Secret) == 0 {
		return k, fmt.Errorf("%w: its secret is not known here", ErrNotThat)
	}
	d := c.draft()
	if err := d.meetMe(); err != nil {
		return k, err
	}
	author := convert.Plain(d.own.alt)
	if !m.FromMe {
		text, err := c.s.wireSender(ctx, m)
		if err != nil {
			return k, err
		}
		if author, err = types.ParseJID(text); err != nil {
			return k, fmt.Errorf("author of a message: %w", err)
		}
	} else if number, err := c.byNumber(ctx, key.GetRemoteJID()); err != nil {
		return k, err
	} else if number {
		author = convert.Plain(d.own.jid)
	}
	me := convert.Plain(d.own.alt)
	if author.Server == types.DefaultUserServer {
		me = convert.Plain(d.own.jid)
	}
	k.Authors, k.Actors = []types.JID{author}, []types.JID{me}
	return k, nil
}

// Pin holds a message at the top of its chat for so many seconds, for everybody in it; 0 takes it off. Errors are
// those of React.
func (s *Session) Pin(ctx context.Context, on Which, seconds int) (store.Message, error) {
	return s.do(ctx, on, func(_ *conn, m store.Message, key *waCommon.MessageKey) (*waE2E.Message, error) {
		pin := &waE2E.PinInChatMessage{Key: key, Type: waE2E.PinInChatMessage_UNPIN_FOR_ALL.Enum(), SenderTimestampMS: proto.Int64(now().UnixMilli())}
		out := &waE2E.Message{PinInChatMessage: pin}
		if seconds > 0 {
			pin.Type = waE2E.PinInChatMessage_PIN_FOR_ALL.Enum()
			out.MessageContextInfo = &waE2E.MessageContextInfo{MessageAddOnDurationInSecs: proto.Uint32(uint32(seconds))}
		}
		return out, there(m)
	})
}
