package deliver

import (
	"strconv"
	"strings"
	"time"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// wahaAct is the event and the payload of what somebody did to a message. Its own id is the event's:
// what is done twice are two things.
func wahaAct(o renderContext) (string, any) {
	switch o.event.Name {
	case whatsapp.EventMessageReaction:
		if r, ok := dataOf[whatsapp.ReactionData](o); ok {
			by := wahaWho(o, r.ChatID, r.From, r.FromMe)
			p := wahaReaction{
				ID: wahaID(r.FromMe, r.ChatID, o.event.ID, r.From), Timestamp: time.Time(r.Timestamp).Unix(), From: by.From, FromMe: r.FromMe, Source: "app",
				To: by.To, Participant: by.Participant,
			}
			p.Reaction.Text, p.Reaction.MessageID = textOf(r.Emoji), wahaTarget(r.Acted)
			return "message.reaction", p
		}
	case whatsapp.EventMessageRevoked:
		if r, ok := dataOf[whatsapp.RevokedData](o); ok {
			by := wahaWho(o, r.ChatID, r.By, r.ByMe)
			return "message.revoked", wahaRevoked{RevokedID: r.MessageID, After: wahaMessage{
				ID: wahaTarget(r.Acted), Timestamp: time.Time(r.Timestamp).Unix(), From: by.From, FromMe: r.ByMe, Source: "app", To: by.To, Participant: by.Participant,
			}}
		}
	case whatsapp.EventPollVote:
		if v, ok := dataOf[whatsapp.PollVoteData](o); ok {
			p := wahaVote{Vote: wahaWho(o, v.ChatID, v.By, v.ByMe), Poll: wahaWho(o, v.ChatID, orNobody(v.MessageFrom), v.MessageFromMe)}
			p.Vote.ID, p.Vote.Selected, p.Vote.Timestamp = wahaID(v.ByMe, v.ChatID, o.event.ID, v.By), append([]string{}, v.Options...), time.Time(v.Timestamp).UnixMilli()
			p.Poll.ID = wahaTarget(v.Acted)
			if v.Options == nil {
				return "poll.vote.failed", p
			}
			return "poll.vote", p
		}
	}
	return "", nil
}

// wahaWho says who acted in which chat.
func wahaWho(o renderContext, chat string, who convert.Address, me bool) wahaVoted {
	out := wahaVoted{From: wahaJID(chat), To: wahaJID(o.session.Phone), FromMe: me}
	if me {
		out.From, out.To = out.To, out.From
	}
	if isGroup(chat) && who.ID != "" {
		out.Participant = convert.TextOrNil(wahaJID(jid(who)))
	}
	return out
}

func wahaTarget(a whatsapp.Acted) string {
	return wahaID(a.MessageFromMe, a.ChatID, a.MessageID, orNobody(a.MessageFrom))
}

func orNobody(a *convert.Address) convert.Address {
	if a == nil {
		return convert.Address{}
	}
	return *a
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// wahaContent is the content of a message that its text does not tell, by the names that WAHA's engine
// gives it; nil when the text tells all.
func wahaContent(m convert.Message) any {
	kind, content := baileysPart(m)
	if context := baileysContext(m); context != nil && m.Referral != nil {
		if content == nil {
			kind, content = "extendedTextMessage", fields{"text": textOf(m.Text)}
		}
		content["contextInfo"] = context
	}
	if content == nil {
		return nil
	}
	return goNames(fields{kind: content})
}

// goNames changes the names of Baileys into those of whatsmeow, which writes ID, JID, URL and JSON
// in capitals.
func goNames(v any) any {
	switch v := v.(type) {
	case fields:
		out := fields{}
		for name, value := range v {
			for _, word := range []string{"Id", "Jid", "Url", "Json"} {
				if strings.HasSuffix(name, word) {
					name = strings.TrimSuffix(name, word) + strings.ToUpper(word)
				}
			}
			if name == "id" || name == "url" {
				name = strings.ToUpper(name)
			}
			out[name] = goNames(value)
		}
		return out
	case []fields:
		out := []any{}
		for _, f := range v {
			out = append(out, goNames(f))
		}
		return out
	}
	return v
}
