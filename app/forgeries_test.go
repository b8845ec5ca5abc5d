package app

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waLidMigrationSyncPayload"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"whatsapp-api/whatsapp/sandbox"
)

// hostileText is bad in every way at once, and passes for an address.
const hostileText = "\xff\xfe\x00\u202e\r\n\x1b[31m../../\"'<script>\xc3@s.whatsapp.net"

// spoil fills every field of a message, and of those within, with the worst there is.
func spoil(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		spoilField(m, fields.Get(i), depth)
	}
}

func spoilField(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	switch {
	case f.IsMap():
	case f.IsList():
		list := m.Mutable(f).List()
		if f.Message() == nil {
			list.Append(worst(f))
		} else if depth > 0 {
			spoil(list.AppendMutable().Message(), depth-1)
		}
	case f.Message() == nil:
		m.Set(f, worst(f))
	case depth == 0:
	case f.Message().FullName() == "WAWebProtobufsE2E.Message": // with all kinds at once it would be the first kind only
		m.Set(f, protoreflect.ValueOfMessage((&waE2E.Message{Conversation: proto.String(hostileText)}).ProtoReflect()))
	default:
		spoil(m.Mutable(f).Message(), depth-1)
	}
}

func worst(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(hostileText)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(hostileText))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(math.MinInt32)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(math.NaN())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(math.Inf(-1)))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(math.MinInt32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(math.MinInt64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(math.MaxUint32)
	default:
		return protoreflect.ValueOfUint64(math.MaxUint64)
	}
}

// forgeries are messages by their names.
type forgeries map[string]sandbox.Forgery

func (f forgeries) add(t *testing.T, name string, m *waE2E.Message) {
	f[name] = sandbox.Forgery{Plain: encoded(t, m)}
}

// nested is a message in a message in a message …
func nested(field protowire.Number, depth int) []byte {
	raw := []byte{}
	for range depth {
		raw = append(protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), uint64(len(raw))), raw...)
	}
	return raw
}

// malformed are messages that are broken, wrong or deep.
func malformed(t *testing.T) forgeries {
	f := forgeries{
		"nothing":        {},
		"one byte":       {Plain: []byte{1}},
		"no protobuf":    {Plain: bytes.Repeat([]byte{0xff}, 1000)},
		"zeros":          {Plain: make([]byte, 1000)},
		"cut":            {Plain: []byte("\x0a\x7fcut")},
		"huge length":    {Plain: protowire.AppendVarint([]byte{0x0a}, math.MaxInt64)},
		"unknown fields": {Plain: bytes.Repeat(protowire.AppendVarint(protowire.AppendTag(nil, 536870911, protowire.VarintType), 1), 300_000)},
		"deep":           {Plain: nested(31, 4000)},   // DeviceSentMessage and its fields, unknown from there on
		"too deep":       {Plain: nested(37, 20_000)}, // viewOnceMessage
		"deep groups":    {Plain: bytes.Repeat([]byte{0x0b}, 1<<20)},
	}
	for field := range protowire.Number(120) {
		f[fmt.Sprint("field ", field+1, " deep")] = sandbox.Forgery{Plain: nested(field+1, 50)}
	}
	deep := &waE2E.Message{Conversation: proto.String("at the bottom")}
	for range 3000 {
		deep = &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), EditedMessage: deep}}
	}
	f.add(t, "deep edit", deep)
	quote := &waE2E.Message{Conversation: proto.String("at the bottom")}
	for range 2000 {
		quote = &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("x"), ContextInfo: &waE2E.ContextInfo{StanzaID: proto.String("Q"), QuotedMessage: quote}}}
	}
	f.add(t, "deep quote", quote)
	kinds := (&waE2E.Message{}).ProtoReflect().Descriptor().Fields()
	for i := range kinds.Len() {
		m := &waE2E.Message{}
		spoilField(m.ProtoReflect(), kinds.Get(i), 4)
		f.add(t, "worst "+string(kinds.Get(i).Name()), m)
	}
	for kind := range waE2E.ProtocolMessage_Type_name {
		m := &waE2E.Message{}
		spoilField(m.ProtoReflect(), kinds.ByName("protocolMessage"), 3)
		m.ProtocolMessage.Type = waE2E.ProtocolMessage_Type(kind).Enum()
		f.add(t, fmt.Sprint("worst protocol message ", kind), m)
	}
	return f
}

// huge are messages that fill frames.
func huge(t *testing.T) forgeries {
	const mega = 1 << 20
	long := strings.Repeat("\xf0\x9f\xa7\xff", mega/4)
	quoting := func(c *waE2E.ContextInfo) *waE2E.Message {
		return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{ContextInfo: c}}
	}
	f := forgeries{"no protobuf": {Plain: bytes.Repeat([]byte{0xff}, 9*mega)}} // and more than is decrypted
	f.add(t, "text", &waE2E.Message{Conversation: &long})
	f.add(t, "file name", &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{FileName: proto.String(strings.Repeat(long, 3))}})
	f.add(t, "quote", quoting(&waE2E.ContextInfo{StanzaID: &long, QuotedMessage: &waE2E.Message{Conversation: &long}}))
	f.add(t, "address", quoting(&waE2E.ContextInfo{StanzaID: proto.String("Q"), Participant: proto.String(strings.Repeat("1", mega) + "@lid")}))
	f.add(t, "many addresses", quoting(&waE2E.ContextInfo{MentionedJID: slices.Repeat([]string{strings.Repeat("1", 100) + "@lid"}, 5000)}))
	f.add(t, "many words", &waE2E.Message{Conversation: proto.String(strings.Repeat("w\u0301 ", mega/4))})
	f.add(t, "secret", &waE2E.Message{Conversation: proto.String("x"), MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: []byte(long)}})
	return f
}

// usurping are messages that only the own phone may send, and such that act on the message with
// this id that the account sent to Bob.
func usurping(t *testing.T, bob, eve *sandbox.Phone, target string) forgeries {
	chat := strings.TrimPrefix(bob.Number(), "+") + "@s.whatsapp.net"
	said := &waE2E.Message{Conversation: proto.String("forged")}
	key := &waCommon.MessageKey{RemoteJID: &chat, FromMe: proto.Bool(true), ID: &target, Participant: &chat}
	web := &waWeb.WebMessageInfo{
		Key:     &waCommon.MessageKey{RemoteJID: &chat, FromMe: proto.Bool(true), ID: proto.String("FORGED")},
		Message: said, MessageTimestamp: proto.Uint64(1_800_000_000),
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, err := z.Write(encoded(t, &waHistorySync.HistorySync{
		SyncType: waHistorySync.HistorySync_PUSH_NAME.Enum(), Pushnames: []*waHistorySync.Pushname{{ID: &chat, Pushname: proto.String("forged")}},
		Conversations:            []*waHistorySync.Conversation{{ID: &chat, Messages: []*waHistorySync.HistorySyncMsg{{Message: web}}}},
		PhoneNumberToLidMappings: []*waHistorySync.PhoneNumberToLIDMapping{{PnJID: &chat, LidJID: proto.String(eve.LID())}},
	}))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	var pn, lid uint64
	_, err = fmt.Sscan(strings.TrimPrefix(bob.Number(), "+"), &pn)
	require.NoError(t, err)
	_, err = fmt.Sscanf(eve.LID(), "%d@lid", &lid)
	require.NoError(t, err)
	mapping := encoded(t, &waLidMigrationSyncPayload.LIDMigrationMappingSyncPayload{
		PnToLidMappings: []*waLidMigrationSyncPayload.LIDMigrationMapping{{Pn: &pn, AssignedLid: &lid}}, ChatDbMigrationTimestamp: proto.Uint64(1),
	})
	f := forgeries{}
	for name, p := range map[string]*waE2E.ProtocolMessage{
		"history": {
			Type:                    waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION.Enum(),
			HistorySyncNotification: &waE2E.HistorySyncNotification{SyncType: waE2E.HistorySyncType_PUSH_NAME.Enum(), InitialHistBootstrapInlinePayload: packed.Bytes()},
		},
		"key share": {Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum(), AppStateSyncKeyShare: &waE2E.AppStateSyncKeyShare{Keys: []*waE2E.AppStateSyncKey{{
			KeyID: &waE2E.AppStateSyncKeyId{KeyID: []byte("forged")}, KeyData: &waE2E.AppStateSyncKeyData{KeyData: bytes.Repeat([]byte("x"), 32)},
		}}}},
		"key request": {Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_REQUEST.Enum(), AppStateSyncKeyRequest: &waE2E.AppStateSyncKeyRequest{KeyIDs: []*waE2E.AppStateSyncKeyId{{KeyID: []byte("x")}}}},
		"resent": {
			Type: waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE.Enum(),
			PeerDataOperationRequestResponseMessage: &waE2E.PeerDataOperationRequestResponseMessage{
				PeerDataOperationRequestType: waE2E.PeerDataOperationRequestType_PLACEHOLDER_MESSAGE_RESEND.Enum(), StanzaID: proto.String("X"),
				PeerDataOperationResult: []*waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult{{
					PlaceholderMessageResendResponse: &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult_PlaceholderMessageResendResponse{WebMessageInfoBytes: encoded(t, web)},
				}},
			},
		},
		"mapping": {Type: waE2E.ProtocolMessage_LID_MIGRATION_MAPPING_SYNC.Enum(), LidMigrationMappingSyncMessage: &waE2E.LIDMigrationMappingSyncMessage{EncodedMappingPayload: mapping}},
		"revoke":  {Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: key},
		"edit":    {Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), Key: key, EditedMessage: said},
	} {
		f.add(t, name, &waE2E.Message{ProtocolMessage: p})
	}
	f.add(t, "reaction", &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("forged")}})
	f.add(t, "pin", &waE2E.Message{PinInChatMessage: &waE2E.PinInChatMessage{Key: key, Type: waE2E.PinInChatMessage_PIN_FOR_ALL.Enum()}})
	f.add(t, "text", said)
	for name, honest := range maps.Clone(f) {
		var m waE2E.Message
		require.NoError(t, proto.Unmarshal(honest.Plain, &m))
		f.add(t, name+" as if sent by an own device", &waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: &chat, Message: &m}})
	}
	for name, honest := range maps.Clone(f) {
		f[name+" as if by the own phone"] = sandbox.Forgery{Plain: honest.Plain, Attrs: map[string]any{"category": "peer", "recipient": chat, "edit": "1"}}
	}
	delete(f, "text")
	return f
}

func encoded(t *testing.T, m proto.Message) []byte {
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	return raw
}
