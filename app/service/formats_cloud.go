package service

import (
	"encoding/json"
	"fmt"
	"time"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// What Meta's Cloud API sends for the field "messages". Its ids of numbers and accounts are
// the session's id here.
type (
	cloudBody struct {
		Object string       `json:"object"`
		Entry  []cloudEntry `json:"entry"`
	}
	cloudEntry struct {
		ID      string        `json:"id"`
		Changes []cloudChange `json:"changes"`
	}
	cloudChange struct {
		Value cloudValue `json:"value"`
		Field string     `json:"field"`
	}
	cloudValue struct {
		Product  string         `json:"messaging_product"`
		Metadata cloudMetadata  `json:"metadata"`
		Contacts []cloudContact `json:"contacts,omitempty"`
		Messages []cloudMessage `json:"messages,omitempty"`
		Statuses []cloudStatus  `json:"statuses,omitempty"`
	}
	cloudMetadata struct {
		Phone string `json:"display_phone_number"`
		ID    string `json:"phone_number_id"`
	}
	cloudContact struct {
		Profile struct {
			Name string `json:"name"`
		} `json:"profile"`
		ID string `json:"wa_id"`
	}
	cloudMessage struct {
		From      string        `json:"from"`
		Group     string        `json:"group_id,omitempty"`
		ID        string        `json:"id"`
		Timestamp string        `json:"timestamp"`
		Type      string        `json:"type"`
		Context   *cloudContext `json:"context,omitempty"`
		Text      *cloudText    `json:"text,omitempty"`
		Image     *cloudMedia   `json:"image,omitempty"`
		Video     *cloudMedia   `json:"video,omitempty"`
		Audio     *cloudMedia   `json:"audio,omitempty"`
		Document  *cloudMedia   `json:"document,omitempty"`
		Sticker   *cloudMedia   `json:"sticker,omitempty"`
		Errors    []cloudError  `json:"errors,omitempty"`
	}
	cloudContext struct {
		From string `json:"from"`
		ID   string `json:"id"`
	}
	cloudText struct {
		Body string `json:"body"`
	}
	cloudMedia struct {
		ID       string `json:"id"`
		MimeType string `json:"mime_type"`
		Caption  string `json:"caption,omitempty"`
		FileName string `json:"filename,omitempty"`
		Voice    bool   `json:"voice,omitempty"`
	}
	cloudStatus struct {
		ID        string       `json:"id"`
		Status    string       `json:"status"`
		Timestamp string       `json:"timestamp"`
		Recipient string       `json:"recipient_id"`
		Errors    []cloudError `json:"errors,omitempty"`
	}
	cloudError struct {
		Code    int    `json:"code"`
		Title   string `json:"title"`
		Message string `json:"message"`
	}
)

// cloudBodies makes one body of an event. Meta sends only what others wrote, and tells what
// became of own messages by their status.
func cloudBodies(o occasion) []any {
	v := cloudValue{Product: "whatsapp", Metadata: cloudMetadata{Phone: user(o.session.Phone), ID: o.session.ID}}
	switch o.event.Name {
	case whatsapp.EventMessageStatus:
		if s, ok := o.status(); ok && s.Status != "failed" { // message_error says why
			v.Statuses = []cloudStatus{cloudStatusOf(s)}
		}
	case whatsapp.EventMessageError:
		var data whatsapp.MessageErrorData
		if json.Unmarshal(o.event.Data, &data) == nil {
			v.Statuses = []cloudStatus{{
				ID: data.Message.ID, Status: "failed", Timestamp: seconds(o.event.Timestamp), Recipient: user(data.Message.ChatID),
				Errors: []cloudError{{131000, data.Code, data.Detail}}, // their code for what has none of its own
			}}
		}
	default:
		for _, m := range o.messages() {
			if m.FromMe {
				continue
			}
			c := cloudContact{ID: number(m.From)}
			c.Profile.Name = textOf(m.From.Name)
			v.Contacts, v.Messages = append(v.Contacts, c), append(v.Messages, cloudMessageOf(m))
		}
	}
	if v.Messages == nil && v.Statuses == nil {
		return nil
	}
	return []any{cloudBody{"whatsapp_business_account", []cloudEntry{{o.session.ID, []cloudChange{{v, "messages"}}}}}}
}

func cloudStatusOf(s whatsapp.MessageStatusData) cloudStatus {
	out := cloudStatus{ID: s.MessageID, Status: s.Status, Timestamp: seconds(time.Time(s.Timestamp)), Recipient: user(s.ChatID)}
	if s.Status != "sent" {
		out.Recipient = number(s.By)
	}
	return out
}

func cloudMessageOf(m convert.Message) cloudMessage {
	out := cloudMessage{From: number(m.From), ID: m.ID, Timestamp: seconds(time.Time(m.Timestamp)), Type: m.Type}
	if isGroup(m.ChatID) {
		out.Group = m.ChatID
	}
	if q := m.Quoted; q != nil {
		out.Context = &cloudContext{ID: q.ID}
		if q.From != nil {
			out.Context.From = number(*q.From)
		}
	}
	file := &cloudMedia{ID: m.ID, Caption: textOf(m.Text)}
	if m.Media != nil {
		file.MimeType, file.FileName = textOf(m.Media.MimeType), textOf(m.Media.FileName)
	}
	switch m.Type {
	case "text":
		out.Text = &cloudText{textOf(m.Text)}
	case "image":
		out.Image = file
	case "video", "gif", "ptv":
		out.Type, out.Video = "video", file
	case "audio", "voice":
		file.Voice = m.Type == "voice"
		out.Type, out.Audio = "audio", file
	case "document":
		out.Document = file
	case "sticker":
		out.Sticker = file
	default:
		out.Type, out.Errors = "unsupported", []cloudError{{131051, "Message type unknown", "Message type is currently not supported."}}
	}
	return out
}

func seconds(t time.Time) string { return fmt.Sprint(t.Unix()) }
