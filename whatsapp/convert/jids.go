package convert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
)

// ErrAddress says that a text is neither a phone number nor a JID nor a LID.
var ErrAddress = errors.New("not a phone number, JID or LID")

// maxAddress bounds what ParseAddress looks at, in bytes.
const maxAddress = 128

// ParseAddress reads a chat's address in any usual spelling: +34 600 11 22 33,
// 0034600112233, 34600112233, 34600112233@s.whatsapp.net (or @c.us), …@lid, …@g.us,
// …@newsletter, …@broadcast. The result has no device. ErrAddress tells what is wrong.
func ParseAddress(text string) (types.JID, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return types.EmptyJID, fmt.Errorf("%w: it is empty", ErrAddress)
	case len(text) > maxAddress:
		return types.EmptyJID, fmt.Errorf("%w: it is longer than %d bytes", ErrAddress, maxAddress)
	case strings.Contains(text, "@"):
		return parseJID(text)
	}
	return parsePhone(text)
}

func parseJID(text string) (types.JID, error) {
	user, server, _ := strings.Cut(text, "@")
	server = strings.ToLower(server)
	if server != types.GroupServer {
		user, _, _ = strings.Cut(user, ":") // a device number
		user, _, _ = strings.Cut(user, ".") // an agent number
	}
	switch server {
	case types.DefaultUserServer, types.LegacyUserServer:
		return parsePhone(user)
	case types.HiddenUserServer, types.NewsletterServer:
		if !digits(user) {
			return types.EmptyJID, fmt.Errorf("%w: the part before @ must be digits", ErrAddress)
		}
	case types.GroupServer:
		if !digits(strings.ReplaceAll(user, "-", "")) {
			return types.EmptyJID, fmt.Errorf("%w: a group's id is digits before @g.us", ErrAddress)
		}
	case types.BroadcastServer:
		if user != "status" && !digits(user) {
			return types.EmptyJID, fmt.Errorf("%w: unknown broadcast", ErrAddress)
		}
	default:
		return types.EmptyJID, fmt.Errorf("%w: unknown server %q after @", ErrAddress, server)
	}
	return types.NewJID(user, server), nil
}

// parsePhone takes an international number. A number with a plus sign or 00 in front is
// read by the numbering plans, so that a trunk zero in brackets is dropped; bare digits are
// taken as they are, as WhatsApp itself writes them.
func parsePhone(text string) (types.JID, error) {
	plain := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t-./()\u00a0\u202f\u2009\u2010\u2011\u200e\u202a\u202c", r) {
			return -1
		}
		return r
	}, text)
	international := strings.HasPrefix(plain, "+") || strings.HasPrefix(plain, "00")
	plain = strings.TrimPrefix(strings.TrimPrefix(plain, "+"), "00")
	if !digits(plain) {
		return types.EmptyJID, fmt.Errorf("%w: a phone number is digits, with or without a plus sign in front", ErrAddress)
	}
	if international {
		if n, err := phonenumbers.Parse("+"+plain, ""); err == nil && phonenumbers.IsPossibleNumber(n) {
			plain = strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+")
		}
	}
	if plain[0] == '0' {
		return types.EmptyJID, fmt.Errorf("%w: a phone number begins with its country code, not with 0", ErrAddress)
	}
	if len(plain) < 7 || len(plain) > 15 { // E.164
		return types.EmptyJID, fmt.Errorf("%w: a phone number has 7 to 15 digits with its country code", ErrAddress)
	}
	return types.NewJID(plain, types.DefaultUserServer), nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Plain is jid without device and with the servers of hosted and old-style accounts
// replaced by the usual ones.
func Plain(jid types.JID) types.JID {
	switch jid.Server {
	case types.HostedServer, types.LegacyUserServer:
		jid.Server = types.DefaultUserServer
	case types.HostedLIDServer:
		jid.Server = types.HiddenUserServer
	}
	return jid.ToNonAD()
}

// KindOf says what kind of chat has this address.
func KindOf(jid types.JID) string {
	switch {
	case jid.Server == types.GroupServer:
		return store.ChatGroup
	case jid.Server == types.NewsletterServer:
		return store.ChatChannel
	case jid == types.StatusBroadcastJID:
		return store.ChatStatus
	case jid.Server == types.BroadcastServer:
		return store.ChatBroadcast
	}
	return store.ChatPerson
}

// IsPerson says whether jid is one person's phone number or LID.
func IsPerson(jid types.JID) bool {
	return jid.Server == types.DefaultUserServer || jid.Server == types.HiddenUserServer
}

// PersonIn reads the address of a person that a stranger wrote into a message.
func PersonIn(text string) (types.JID, bool) {
	if len(text) > maxAddress {
		return types.EmptyJID, false
	}
	jid, err := types.ParseJID(text)
	jid = Plain(jid)
	return jid, err == nil && IsPerson(jid) && digits(jid.User)
}

// PhoneOf is "+34…" for a phone number's JID, else empty.
func PhoneOf(jid string) string {
	user, server, _ := strings.Cut(jid, "@")
	if server != types.DefaultUserServer || !digits(user) {
		return ""
	}
	return "+" + user
}
