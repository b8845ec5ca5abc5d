package deliver

import (
	"encoding/json"
	"fmt"
	"slices"
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
func cloudBodies(o renderContext) []any {
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
	case whatsapp.EventMessageReaction:
		if r, ok := dataOf[whatsapp.ReactionData](o); ok && !r.FromMe {
			m := cloudActed(o, r.Acted, r.From, r.Timestamp, "reaction")
			m.Reaction = &cloudReaction{MessageID: r.MessageID, Emoji: textOf(r.Emoji)}
			v.add(r.From, m)
		}
	case whatsapp.EventMessageRevoked:
		if r, ok := dataOf[whatsapp.RevokedData](o); ok && !r.ByMe {
			m := cloudActed(o, r.Acted, r.By, r.Timestamp, "revoke")
			m.Revoke = &cloudRevoke{r.MessageID}
			v.add(r.By, m)
		}
	default:
		for _, m := range o.messages() {
			if m.FromMe || slices.Contains(actTypes, m.Type) || m.Type == convert.TypeSystem {
				continue
			}
			if o.event.Name == whatsapp.EventMessageEdited {
				v.add(m.From, cloudEdited(o, m))
				continue
			}
			v.add(m.From, cloudMessageOf(m))
		}
	}
	if v.Messages == nil && v.Statuses == nil {
		return nil
	}
	return []any{cloudBody{"whatsapp_business_account", []cloudEntry{{o.session.ID, []cloudChange{{v, "messages"}}}}}}
}

// add adds a message and who wrote it.
func (v *cloudValue) add(from convert.Address, m cloudMessage) {
	c := cloudContact{ID: number(from)}
	c.Profile.Name = textOf(from.Name)
	v.Contacts, v.Messages = append(v.Contacts, c), append(v.Messages, m)
}

func cloudStatusOf(s whatsapp.MessageStatusData) cloudStatus {
	out := cloudStatus{ID: s.MessageID, Status: s.Status, Timestamp: seconds(time.Time(s.Timestamp)), Recipient: user(s.ChatID)}
	if s.Status != "sent" {
		out.Recipient = number(s.By)
	}
	return out
}

func seconds(t time.Time) string { return fmt.Sprint(t.Unix()) }
