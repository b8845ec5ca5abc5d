package convert

import "go.mau.fi/whatsmeow/proto/waE2E"

// readProtocol knows the messages by which clients steer each other. What is not here is between
// programs, and so is a type that is newer than this one.
func readProtocol(m *waE2E.Message, r *Reading) {
	p := m.GetProtocolMessage()
	switch p.GetType() {
	case waE2E.ProtocolMessage_REVOKE:
		r.acts(p.GetKey(), Act{Kind: ActRevoke, At: Millis(p.GetTimestampMS())})
	case waE2E.ProtocolMessage_MESSAGE_EDIT:
		r.acts(p.GetKey(), Act{Kind: ActEdit, At: Millis(p.GetTimestampMS()), Message: p.GetEditedMessage()})
	case waE2E.ProtocolMessage_EPHEMERAL_SETTING:
		r.Class, r.Act = ClassAct, &Act{Kind: ActTimer, Seconds: count(p.GetEphemeralExpiration()), At: Millis(p.GetEphemeralSettingTimestamp())}
	case waE2E.ProtocolMessage_SHARE_PHONE_NUMBER:
		r.toSystem(SystemNumberShared)
	case waE2E.ProtocolMessage_STATUS_MENTION_MESSAGE:
		r.toSystem(SystemStatusMention)
	case waE2E.ProtocolMessage_LIMIT_SHARING:
		r.toSystem(SystemSharingLimited)
	}
}
