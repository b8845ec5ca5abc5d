package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Formats of what webhooks get.
const (
	FormatNative    = "native"    // the event's envelope
	FormatCloud     = "cloud"     // as Meta's WhatsApp Cloud API
	FormatWAHA      = "waha"      // as WAHA
	FormatEvolution = "evolution" // as Evolution API
)

// formats are the shapes other than the native one. Each makes the bodies of the requests for an
// event: none when the format has nothing like it, several when it has one message a request. A message
// that was recovered is in new_messages as any other, so message_recovered is left out.
var formats = map[string]struct {
	events []string
	make   func(renderContext) []any
}{
	FormatCloud: {[]string{
		whatsapp.EventNewMessages, whatsapp.EventMessageStatus, whatsapp.EventMessageError,
		whatsapp.EventMessageReaction, whatsapp.EventMessageEdited, whatsapp.EventMessageRevoked,
	}, cloudBodies},
	FormatWAHA: {[]string{
		whatsapp.EventNewMessages, whatsapp.EventMessageSent, whatsapp.EventMessageStatus, whatsapp.EventSessionStatus,
		whatsapp.EventMessageReaction, whatsapp.EventMessageEdited, whatsapp.EventMessageRevoked, whatsapp.EventPollVote,
	}, wahaBodies},
	FormatEvolution: {[]string{
		whatsapp.EventNewMessages, whatsapp.EventMessageSent, whatsapp.EventMessageStatus, whatsapp.EventSessionStatus, whatsapp.EventQR,
		whatsapp.EventMessageReaction, whatsapp.EventMessageEdited, whatsapp.EventMessageRevoked, whatsapp.EventPollVote,
	}, evolutionBodies},
}

// renderContext is an event with what the formats need besides.
type renderContext struct {
	event   store.Event
	session store.Session
	url     string // of the webhook
}

// mapped says whether a format may have something like an event.
func mapped(format, event string) bool {
	f, other := formats[format]
	if !other || event == EventTest {
		return true
	}
	for _, name := range f.events {
		if name == event {
			return true
		}
	}
	return false
}

// render makes the bodies of the requests for an event.
func (c *Courier) render(ctx context.Context, w store.Webhook, e store.Event) ([][]byte, error) {
	f, other := formats[w.Format]
	if !other || e.Name == EventTest {
		raw, err := json.Marshal(convert.EventOf(e))
		return [][]byte{raw}, err
	}
	s, err := c.store.Sessions().Get(ctx, e.SessionID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var bodies [][]byte
	for _, v := range f.make(renderContext{e, s, w.URL}) {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%s body: %w", w.Format, err)
		}
		bodies = append(bodies, raw)
	}
	return bodies, nil
}

// messages are those of an event that brings some.
func (o renderContext) messages() []convert.Message {
	var many whatsapp.MessagesData
	var one struct {
		Message *convert.Message `json:"message"`
	}
	if json.Unmarshal(o.event.Data, &many) != nil || json.Unmarshal(o.event.Data, &one) != nil {
		return nil
	}
	if one.Message != nil {
		return append(many.Messages, *one.Message)
	}
	return many.Messages
}

// readable are those that somebody wrote and that can be read. What acts on another message has events
// of its own; as texts, and so do lines of the system, they would make bots answer.
func (o renderContext) readable() []convert.Message {
	return slices.DeleteFunc(o.messages(), func(m convert.Message) bool {
		return slices.Contains(actTypes, m.Type) || m.Type == convert.TypeSystem || m.Type == convert.TypeUnavailable
	})
}

// actTypes are types that events of earlier versions gave to what acts on another message. Such events may
// still be in the log.
var actTypes = []string{"reaction", "edit", "revoke", "pin", "keep", "poll_vote", "ephemeral_setting"}

// dataOf is an event's data, when it has this form and is about a message.
func dataOf[T interface{ Subject() whatsapp.Acted }](o renderContext) (data T, ok bool) {
	ok = json.Unmarshal(o.event.Data, &data) == nil && data.Subject().MessageID != ""
	return data, ok
}

// edited is when a message was last changed.
func edited(m convert.Message) convert.Time {
	if m.EditedAt != nil {
		return *m.EditedAt
	}
	return m.Timestamp
}

func millis(t convert.Time) int64 { return time.Time(t).UnixMilli() }

// status is the data of message_status.
func (o renderContext) status() (s whatsapp.MessageStatusData, ok bool) {
	return s, json.Unmarshal(o.event.Data, &s) == nil
}

// state is the session's state in the data of session_status_update.
func (o renderContext) state() string {
	var data whatsapp.StatusData
	if json.Unmarshal(o.event.Data, &data) != nil {
		return ""
	}
	return data.Session.State
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// user is what stands before the @ of an id, and of a phone number its digits.
func user(id string) string {
	name, _, _ := strings.Cut(id, "@")
	return strings.TrimPrefix(name, "+")
}

// number is a person's phone number in digits, or that of the LID while it is hidden.
func number(a convert.Address) string {
	if a.Phone != nil {
		return user(*a.Phone)
	}
	return user(a.ID)
}

// jid is a person's phone JID, or the LID while the number is hidden.
func jid(a convert.Address) string {
	if a.Phone != nil {
		return user(*a.Phone) + "@s.whatsapp.net"
	}
	return a.ID
}
