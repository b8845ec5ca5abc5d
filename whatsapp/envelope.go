package whatsapp

import (
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// envelopeOf keeps what the stanza and the wrappers said of a message. What is not kept here
// cannot be learned later.
func envelopeOf(e *events.Message, r convert.Reading) *store.Envelope {
	i := e.Info
	env := &store.Envelope{
		Chat: address(i.Chat), Sender: address(i.Sender), Alt: address(i.SenderAlt), ChatAlt: address(i.RecipientAlt), Addressing: string(i.AddressingMode),
		ServerID: i.ServerID, Category: i.Category, Edit: string(i.Edit), MetaType: i.Type, MediaType: i.MediaType,
		ThreadID: i.MsgMetaInfo.ThreadMessageID, ThreadSender: address(i.MsgMetaInfo.ThreadMessageSenderJID),
		Retry: e.RetryCount, Requested: e.UnavailableRequestID, Wrapped: uint32(r.Flags),
		Timer: int(r.Context.GetExpiration()), TimerSet: r.Context.GetEphemeralSettingTimestamp(),
	}
	if t := i.Timestamp; !plausible(t).Equal(t) && !t.IsZero() {
		env.Said = t.Unix()
	}
	if i.Chat.IsBroadcastList() {
		env.Broadcast = address(i.Chat)
	}
	return env
}

// address is empty for no address.
func address(jid types.JID) string {
	if jid.IsEmpty() {
		return ""
	}
	return jid.String()
}
