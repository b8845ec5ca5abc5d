package deliver

import (
	"encoding/json"
	"time"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// What Evolution API sends.
type (
	evolutionBody struct {
		Event       string       `json:"event"`
		Instance    string       `json:"instance"`
		Data        any          `json:"data"`
		Destination string       `json:"destination"`
		DateTime    convert.Time `json:"date_time"`
		Sender      string       `json:"sender"`
		ServerURL   *string      `json:"server_url"`
		APIKey      *string      `json:"apikey"`
	}
	evolutionKey struct {
		RemoteJID   string  `json:"remoteJid"`
		FromMe      bool    `json:"fromMe"`
		ID          string  `json:"id"`
		Participant *string `json:"participant,omitempty"`
	}
	evolutionMessage struct {
		Key       evolutionKey `json:"key"`
		PushName  string       `json:"pushName"`
		Status    string       `json:"status"`
		Message   fields       `json:"message"`
		Context   fields       `json:"contextInfo"`
		Type      string       `json:"messageType"`
		Timestamp int64        `json:"messageTimestamp"` // seconds
		Instance  string       `json:"instanceId"`
		Source    string       `json:"source"`
	}
	evolutionEdit struct {
		Key       evolutionKey `json:"key"`
		Type      string       `json:"type"`
		Message   fields       `json:"editedMessage"`
		Timestamp int64        `json:"timestampMs"`
	}
	evolutionDelete struct {
		evolutionKey
		Status string `json:"status"`
	}
	evolutionUpdate struct {
		KeyID       string  `json:"keyId"`
		RemoteJID   string  `json:"remoteJid"`
		FromMe      bool    `json:"fromMe"`
		Participant *string `json:"participant,omitempty"`
		Status      string  `json:"status"`
		Instance    string  `json:"instanceId"`
	}
	evolutionConnection struct {
		Instance     string `json:"instance"`
		State        string `json:"state"`
		StatusReason int    `json:"statusReason"`
	}
	evolutionQR struct {
		QRCode struct {
			Instance    string  `json:"instance"`
			PairingCode *string `json:"pairingCode"`
			Code        string  `json:"code"`
			Base64      string  `json:"base64"`
		} `json:"qrcode"`
	}
)

var evolutionAcks = map[string]string{
	"failed": "ERROR", "queued": "PENDING", "sent": "SERVER_ACK", "received": "DELIVERY_ACK", "delivered": "DELIVERY_ACK", "read": "READ", "played": "PLAYED",
}

func evolutionBodies(o renderContext) (bodies []any) {
	body := func(event string, data any) {
		sender := ""
		if o.session.Phone != "" {
			sender = user(o.session.Phone) + "@s.whatsapp.net"
		}
		bodies = append(bodies, evolutionBody{
			Event: event, Instance: o.session.ID, Data: data, Destination: o.url, DateTime: convert.Time(o.event.Timestamp), Sender: sender,
		})
	}
	switch o.event.Name {
	case whatsapp.EventMessageStatus:
		if s, ok := o.status(); ok {
			u := evolutionUpdate{KeyID: s.MessageID, RemoteJID: s.ChatID, FromMe: true, Status: evolutionAcks[s.Status], Instance: o.session.ID}
			if isGroup(s.ChatID) {
				u.Participant = convert.TextOrNil(jid(s.By))
			}
			body("messages.update", u)
		}
	case whatsapp.EventSessionStatus:
		c := evolutionConnection{Instance: o.session.ID, State: "connecting", StatusReason: 200}
		switch o.state() {
		case "connected", "degraded":
			c.State = "open"
		case "created", "stopped", "error":
			c.State, c.StatusReason = "close", 428
		case "logged_out", "banned":
			c.State, c.StatusReason = "close", 401
		}
		body("connection.update", c)
	case whatsapp.EventQR:
		var qr convert.QR
		if json.Unmarshal(o.event.Data, &qr) == nil {
			var data evolutionQR
			data.QRCode.Instance, data.QRCode.Code, data.QRCode.Base64 = o.session.ID, qr.Code, qr.Image
			body("qrcode.updated", data)
		}
	case whatsapp.EventMessageReaction, whatsapp.EventPollVote, whatsapp.EventMessageRevoked, whatsapp.EventMessageEdited:
		for _, a := range evolutionActs(o) {
			body(a.event, a.data)
		}
	case whatsapp.EventMessageSent:
		for _, m := range o.readable() {
			body("send.message", evolutionMessageOf(o, m))
		}
	default:
		for _, m := range o.readable() {
			body("messages.upsert", evolutionMessageOf(o, m))
		}
	}
	return bodies
}

func evolutionMessageOf(o renderContext, m convert.Message) evolutionMessage {
	out := evolutionMessage{
		Key: evolutionKeyOf(m.ChatID, m.ID, m.FromMe, &m.From), PushName: textOf(m.From.Name), Status: evolutionAcks[m.Status],
		Timestamp: time.Time(m.Timestamp).Unix(), Instance: o.session.ID, Source: "unknown",
	}
	if isGroup(m.ChatID) {
		out.Key.Participant = convert.TextOrNil(jid(m.From))
	}
	out.Type, out.Message = baileysContent(m)
	out.Context = baileysContext(m)
	return out
}

// evolutionAct is what one act is there.
type evolutionAct struct {
	event string
	data  any
}

// evolutionActs shows what somebody did to a message: reactions and votes as messages that Baileys would
// bring, with the event's id for their own.
func evolutionActs(o renderContext) []evolutionAct {
	switch o.event.Name {
	case whatsapp.EventMessageReaction:
		if r, ok := dataOf[whatsapp.ReactionData](o); ok {
			return []evolutionAct{{"messages.upsert", evolutionActed(o, r.Acted, r.From, r.FromMe, r.Timestamp, "reactionMessage", fields{
				"key": evolutionTarget(r.Acted, r.MessageFromMe), "text": textOf(r.Emoji), "senderTimestampMs": millis(r.Timestamp),
			})}}
		}
	case whatsapp.EventPollVote:
		if v, ok := dataOf[whatsapp.PollVoteData](o); ok && v.Options != nil {
			return []evolutionAct{{"messages.upsert", evolutionActed(o, v.Acted, v.By, v.ByMe, v.Timestamp, "pollUpdateMessage", fields{
				"pollCreationMessageKey": evolutionTarget(v.Acted, v.MessageFromMe), "vote": fields{"selectedOptions": v.Options}, "senderTimestampMs": millis(v.Timestamp),
			})}}
		}
	case whatsapp.EventMessageRevoked:
		if r, ok := dataOf[whatsapp.RevokedData](o); ok {
			return []evolutionAct{{"messages.delete", evolutionDelete{evolutionTarget(r.Acted, r.MessageFromMe), "DELETED"}}}
		}
	case whatsapp.EventMessageEdited:
		var all []evolutionAct
		for _, m := range o.readable() {
			_, content := baileysContent(m)
			all = append(all, evolutionAct{"messages.edited", evolutionEdit{
				Key: evolutionKeyOf(m.ChatID, m.ID, m.FromMe, &m.From), Type: "MESSAGE_EDIT", Message: content, Timestamp: millis(edited(m)),
			}})
		}
		return all
	}
	return nil
}

func evolutionTarget(a whatsapp.Acted, fromMe bool) evolutionKey {
	return evolutionKeyOf(a.ChatID, a.MessageID, fromMe, a.MessageFrom)
}

func evolutionKeyOf(chat, id string, fromMe bool, from *convert.Address) evolutionKey {
	k := evolutionKey{RemoteJID: chat, FromMe: fromMe, ID: id}
	if isGroup(chat) && from != nil {
		k.Participant = convert.TextOrNil(jid(*from))
	}
	return k
}

func evolutionActed(o renderContext, a whatsapp.Acted, by convert.Address, byMe bool, at convert.Time, kind string, content fields) evolutionMessage {
	out := evolutionMessage{
		Key: evolutionKeyOf(a.ChatID, o.event.ID, byMe, &by), PushName: textOf(by.Name), Status: "DELIVERY_ACK", Message: fields{kind: content}, Type: kind,
		Timestamp: time.Time(at).Unix(), Instance: o.session.ID, Source: "unknown",
	}
	if byMe {
		out.Status = "SERVER_ACK"
	}
	return out
}
