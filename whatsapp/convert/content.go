package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

// Types of the records that acts make as long as they are kept as messages of their own.
const (
	TypeEdit     = "edit"
	TypeRevoke   = "revoke"
	TypeReaction = "reaction"
)

// actTypes are those types.
var actTypes = map[string]string{
	ActReaction: TypeReaction, ActEdit: TypeEdit, ActRevoke: TypeRevoke, ActVote: "poll_vote", ActPin: "pin", ActKeep: "keep", ActTimer: "ephemeral_setting",
}

// Acts says whether a message of this type acts on another one, as a reaction or an edit does, and
// is nothing to read itself.
func Acts(kind string) bool {
	for _, name := range actTypes {
		if name == kind {
			return true
		}
	}
	return false
}

// Content is what a WhatsApp message holds, as far as it is understood. JIDs are as they
// were in the message.
type Content struct {
	Type     string
	Text     string
	Media    *store.Media
	Context  *waE2E.ContextInfo // what it answers and whom it mentions; may be nil
	Internal bool               // it is between the account's own devices, or only carries keys: no message
}

// ContentOf is Read in the form of before there were acts.
func ContentOf(m *waE2E.Message) Content {
	r := Read(m)
	switch {
	case r.Class == ClassMessage && r.Type != TypeSystem:
		return Content{Type: r.Type, Text: r.Text, Media: r.Media, Context: r.Context}
	case r.Class != ClassAct || actTypes[r.Act.Kind] == "":
		return Content{Internal: true}
	}
	c := Content{Type: actTypes[r.Act.Kind], Text: r.Act.Emoji}
	if r.Act.Message != nil {
		c.Text = Read(r.Act.Message).Text
	}
	return c
}
