package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

func readContact(m *waE2E.Message, r *Reading) {
	x := m.GetContactMessage()
	r.Type, r.Content.Contacts = TypeContact, []store.Card{cardOf(x)}
	r.Text = firstOf(x.GetDisplayName(), r.Content.Contacts[0].Name)
}

// readContacts reads several contacts. Their sender calls them "3 contacts" in a language of his own;
// the names tell more.
func readContacts(m *waE2E.Message, r *Reading) {
	x := m.GetContactsArrayMessage()
	r.Type = TypeContact
	var names []string
	room := maxText
	for i, c := range x.GetContacts() {
		if i == maxItems {
			break
		}
		card := cardOf(c)
		if room -= len(card.VCard); room < 0 {
			card.VCard = "" // photos take the room; what was read of it stays
		}
		r.Content.Contacts = append(r.Content.Contacts, card)
		if card.Name != "" {
			names = append(names, card.Name)
		}
	}
	r.Text = firstOf(strings.Join(names, ", "), x.GetDisplayName())
}

func cardOf(x *waE2E.ContactMessage) store.Card {
	card := readVCard(x.GetVcard())
	card.VCard = x.GetVcard()
	card.Name = firstOf(x.GetDisplayName(), card.Name)
	return card
}

func readGroupInvite(m *waE2E.Message, r *Reading) {
	x := m.GetGroupInviteMessage()
	r.invites(x.GetCaption(), store.GroupInvite{
		Group: x.GetGroupJID(), Kind: "group", Name: x.GetGroupName(), Code: x.GetInviteCode(), ExpiresAt: Millis(x.GetInviteExpiration()),
	})
	if x.GetGroupType() == waE2E.GroupInviteMessage_PARENT {
		r.Content.GroupInvite.Kind = "community"
	}
}

func readChannelAdminInvite(m *waE2E.Message, r *Reading) {
	x := m.GetNewsletterAdminInviteMessage()
	r.invites(x.GetCaption(), store.GroupInvite{
		Group: x.GetNewsletterJID(), Kind: "channel", Name: x.GetNewsletterName(), ExpiresAt: Millis(x.GetInviteExpiration()),
	})
}

func readChannelInvite(m *waE2E.Message, r *Reading) {
	x := m.GetNewsletterFollowerInviteMessageV2()
	r.invites(x.GetCaption(), store.GroupInvite{Group: x.GetNewsletterJID(), Kind: "channel", Name: x.GetNewsletterName()})
}

func (r *Reading) invites(caption string, to store.GroupInvite) {
	r.Type, r.Text, r.Content.GroupInvite = TypeGroupInvite, firstOf(caption, to.Name), &to
}
