package service

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
		Key       evolutionKey      `json:"key"`
		PushName  string            `json:"pushName"`
		Status    string            `json:"status"`
		Message   map[string]any    `json:"message"`
		Context   *evolutionContext `json:"contextInfo"`
		Type      string            `json:"messageType"`
		Timestamp int64             `json:"messageTimestamp"` // seconds
		Instance  string            `json:"instanceId"`
		Source    string            `json:"source"`
	}
	evolutionContext struct {
		StanzaID    string         `json:"stanzaId"`
		Participant string         `json:"participant"`
		Quoted      map[string]any `json:"quotedMessage"`
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

// evolutionKinds names the kinds of message with a file, and the field that holds them.
var evolutionKinds = map[string]string{
	"image": "imageMessage", "video": "videoMessage", "gif": "videoMessage", "ptv": "ptvMessage", "audio": "audioMessage", "voice": "audioMessage",
	"document": "documentMessage", "sticker": "stickerMessage",
}

func evolutionBodies(o occasion) (bodies []any) {
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

func evolutionMessageOf(o occasion, m convert.Message) evolutionMessage {
	out := evolutionMessage{
		Key: evolutionKey{RemoteJID: m.ChatID, FromMe: m.FromMe, ID: m.ID}, PushName: textOf(m.From.Name), Status: evolutionAcks[m.Status],
		Timestamp: time.Time(m.Timestamp).Unix(), Instance: o.session.ID, Source: "unknown",
	}
	if isGroup(m.ChatID) {
		out.Key.Participant = convert.TextOrNil(jid(m.From))
	}
	out.Type, out.Message = evolutionContent(m.Type, textOf(m.Text), m.Media)
	if q := m.Quoted; q != nil {
		out.Context = &evolutionContext{StanzaID: q.ID}
		if q.From != nil {
			out.Context.Participant = jid(*q.From)
		}
		_, out.Context.Quoted = evolutionContent(q.Type, textOf(q.Text), nil)
	}
	return out
}

func evolutionContent(kind, text string, file *convert.Media) (string, map[string]any) {
	field, media := evolutionKinds[kind]
	if !media {
		return "conversation", map[string]any{"conversation": text}
	}
	content := map[string]any{}
	if text != "" {
		content["caption"] = text
	}
	if kind == "voice" {
		content["ptt"] = true
	}
	if file != nil {
		content["mimetype"] = textOf(file.MimeType)
		if file.FileName != nil {
			content["fileName"] = *file.FileName
		}
	}
	return field, map[string]any{field: content}
}
