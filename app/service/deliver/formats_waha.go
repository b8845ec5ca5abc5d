package deliver

import (
	"strings"
	"time"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// What WAHA sends. It writes a person's id with @c.us.
type (
	wahaBody struct {
		ID        string    `json:"id"`
		Timestamp int64     `json:"timestamp"` // milliseconds
		Event     string    `json:"event"`
		Session   string    `json:"session"`
		Metadata  struct{}  `json:"metadata"`
		Me        wahaMe    `json:"me"`
		Payload   any       `json:"payload"`
		Engine    string    `json:"engine"`
		Env       wahaAbout `json:"environment"`
	}
	wahaMe struct {
		ID       string `json:"id"`
		PushName string `json:"pushName"`
	}
	wahaAbout struct {
		Engine string `json:"engine"`
		Tier   string `json:"tier"`
	}
	wahaMessage struct {
		ID          string     `json:"id"`
		Timestamp   int64      `json:"timestamp"` // seconds
		From        string     `json:"from"`
		FromMe      bool       `json:"fromMe"`
		Source      string     `json:"source"`
		To          string     `json:"to"`
		Participant *string    `json:"participant"`
		Body        string     `json:"body"`
		HasMedia    bool       `json:"hasMedia"`
		Media       *wahaMedia `json:"media"`
		Ack         int        `json:"ack"`
		AckName     string     `json:"ackName"`
		ReplyTo     *wahaReply `json:"replyTo"`

		Location *wahaLocation `json:"location,omitempty"`
		VCards   []string      `json:"vCards,omitempty"`
		EditedID *string       `json:"editedMessageId,omitempty"` // of message.edited
		Raw      *wahaRaw      `json:"_data,omitempty"`
	}
	wahaLocation struct {
		Description string `json:"description"`
		Latitude    string `json:"latitude"`
		Longitude   string `json:"longitude"`
	}
	wahaRaw struct {
		Message any `json:"Message"` // the content by the names of its engine
	}
	wahaReaction struct {
		ID          string  `json:"id"`
		Timestamp   int64   `json:"timestamp"`
		From        string  `json:"from"`
		FromMe      bool    `json:"fromMe"`
		Source      string  `json:"source"`
		To          string  `json:"to"`
		Participant *string `json:"participant"`
		Reaction    struct {
			Text      string `json:"text"`
			MessageID string `json:"messageId"`
		} `json:"reaction"`
	}
	wahaRevoked struct {
		After     wahaMessage  `json:"after"`
		Before    *wahaMessage `json:"before"`
		RevokedID string       `json:"revokedMessageId"`
	}
	wahaVote struct {
		Vote wahaVoted `json:"vote"`
		Poll wahaVoted `json:"poll"`
	}
	wahaVoted struct {
		ID          string   `json:"id"`
		From        string   `json:"from"`
		FromMe      bool     `json:"fromMe"`
		To          string   `json:"to"`
		Participant *string  `json:"participant"`
		Selected    []string `json:"selectedOptions,omitzero"`
		Timestamp   int64    `json:"timestamp,omitempty"` // milliseconds
	}
	wahaMedia struct {
		MimeType string  `json:"mimetype"`
		FileName string  `json:"filename"`
		URL      *string `json:"url"`
	}
	wahaReply struct {
		ID          string  `json:"id"`
		Participant *string `json:"participant"`
		Body        string  `json:"body"`
	}
	wahaAck struct {
		ID          string  `json:"id"`
		From        string  `json:"from"`
		To          string  `json:"to"`
		Participant *string `json:"participant"`
		FromMe      bool    `json:"fromMe"`
		Ack         int     `json:"ack"`
		AckName     string  `json:"ackName"`
	}
	wahaState struct {
		Status string `json:"status"`
		Name   string `json:"name"`
	}
)

var wahaAcks = map[string]struct {
	n    int
	name string
}{
	"failed": {-1, "ERROR"}, "queued": {0, "PENDING"}, "sent": {1, "SERVER"}, "received": {2, "DEVICE"},
	"delivered": {2, "DEVICE"}, "read": {3, "READ"}, "played": {4, "PLAYED"},
}

// wahaStates names our states as WAHA does.
var wahaStates = map[string]string{ //nolint:gosec // names of states, not credentials
	"created": "STOPPED", "stopped": "STOPPED", "connecting": "STARTING", "syncing": "STARTING", "reconnecting": "STARTING",
	"qr": "SCAN_QR_CODE", "pairing_code": "SCAN_QR_CODE", "passkey": "SCAN_QR_CODE", "connected": "WORKING", "degraded": "WORKING",
	"logged_out": "FAILED", "banned": "FAILED", "error": "FAILED",
}

func wahaBodies(o renderContext) (bodies []any) {
	body := func(event string, payload any) {
		me := wahaMe{PushName: o.session.PushName}
		if o.session.Phone != "" {
			me.ID = user(o.session.Phone) + "@c.us"
		}
		bodies = append(bodies, wahaBody{
			ID: o.event.ID, Timestamp: o.event.Timestamp.UnixMilli(), Event: event, Session: o.session.ID, Me: me, Payload: payload,
			Engine: "GOWS", Env: wahaAbout{"GOWS", "PLUS"},
		})
	}
	switch o.event.Name {
	case whatsapp.EventMessageStatus:
		if s, ok := o.status(); ok {
			ack := wahaAcks[s.Status]
			p := wahaAck{
				ID: wahaID(true, s.ChatID, s.MessageID, s.By), From: wahaJID(o.session.Phone), To: wahaJID(s.ChatID), FromMe: true,
				Ack: ack.n, AckName: ack.name,
			}
			if isGroup(s.ChatID) {
				p.Participant = convert.TextOrNil(wahaJID(jid(s.By)))
			}
			body("message.ack", p)
		}
	case whatsapp.EventSessionStatus:
		if status := wahaStates[o.state()]; status != "" {
			body("session.status", wahaState{status, o.session.ID})
		}
	case whatsapp.EventMessageReaction, whatsapp.EventMessageRevoked, whatsapp.EventPollVote:
		if event, payload := wahaAct(o); payload != nil {
			body(event, payload)
		}
	case whatsapp.EventMessageEdited:
		for _, m := range o.readable() {
			p := wahaMessageOf(o, m)
			p.ID, p.EditedID, p.Timestamp = wahaID(m.FromMe, m.ChatID, o.event.ID, m.From), &m.ID, time.Time(edited(m)).Unix()
			body("message.edited", p)
		}
	default:
		for _, m := range o.readable() {
			event := "message"
			if m.FromMe { // WAHA's "message" is what others wrote
				event = "message.any"
			}
			body(event, wahaMessageOf(o, m))
		}
	}
	return bodies
}

func wahaMessageOf(o renderContext, m convert.Message) wahaMessage {
	ack, me, chat := wahaAcks[m.Status], wahaJID(o.session.Phone), wahaJID(m.ChatID)
	out := wahaMessage{
		ID: wahaID(m.FromMe, m.ChatID, m.ID, m.From), Timestamp: time.Time(m.Timestamp).Unix(), From: chat, FromMe: m.FromMe, Source: "app", To: me,
		Body: textOf(m.Text), HasMedia: m.Media != nil, Ack: ack.n, AckName: ack.name,
	}
	if m.FromMe {
		out.From, out.To = me, chat
	}
	if isGroup(m.ChatID) {
		out.Participant = convert.TextOrNil(wahaJID(jid(m.From)))
	}
	if f := m.Media; f != nil {
		out.Media = &wahaMedia{MimeType: textOf(f.MimeType), FileName: textOf(f.FileName)}
	}
	if l := m.Location; l != nil && m.Interactive == nil {
		out.Location = &wahaLocation{Description: textOf(l.Name), Latitude: decimal(l.Latitude), Longitude: decimal(l.Longitude)}
	}
	for _, c := range m.Contacts {
		out.VCards = append(out.VCards, textOf(c.VCard))
	}
	if content := wahaContent(m); content != nil {
		out.Raw = &wahaRaw{content}
	}
	if q := m.Quoted; q != nil {
		out.ReplyTo = &wahaReply{ID: q.ID, Body: textOf(q.Text)}
		if q.From != nil {
			out.ReplyTo.Participant = convert.TextOrNil(wahaJID(jid(*q.From)))
		}
	}
	return out
}

// wahaID is true_<chat>_<id>, with the sender at the end in groups.
func wahaID(fromMe bool, chat, id string, sender convert.Address) string {
	parts := []string{"false", wahaJID(chat), id}
	if fromMe {
		parts[0] = "true"
	}
	if isGroup(chat) {
		parts = append(parts, wahaJID(jid(sender)))
	}
	return strings.Join(parts, "_")
}

// wahaJID writes a JID or a phone number as WAHA does.
func wahaJID(id string) string {
	switch {
	case id == "":
		return ""
	case !strings.Contains(id, "@"):
		return user(id) + "@c.us"
	}
	return strings.Replace(id, "@s.whatsapp.net", "@c.us", 1)
}
