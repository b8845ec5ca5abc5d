package sandbox

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"slices"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// greet gives a new companion what a phone gives right after the first login:
// the keys of the app state, an empty history and the push name. Clients hold
// back their events until they have seen it, and cannot write to their own
// phone before it has written to them.
func (p *Phone) greet(c *change, d *device) {
	d.mu.Lock()
	greeted, removed := d.greeted, d.removed
	d.mu.Unlock()
	if greeted || removed {
		return
	}
	// What is shown to the companion must be there when it comes to fetch it.
	if err := p.writePushName(c, d); err != nil {
		p.server.log.Error("push name not written to the app state", zap.Error(err))
	}
	for _, m := range []*waE2E.ProtocolMessage{
		p.keyShare(p.record.AppKeyID),
		p.history(waHistorySync.HistorySync_INITIAL_BOOTSTRAP, waE2E.HistorySyncType_INITIAL_BOOTSTRAP, "", nil),
		p.pushNames(),
	} {
		if m != nil {
			p.postPeer(c, d, m)
		}
	}
	d.mu.Lock()
	d.greeted = true
	d.save(c)
	d.mu.Unlock()
}

// postPeer sends a message that is only for one own companion.
func (p *Phone) postPeer(c *change, d *device, m *waE2E.ProtocolMessage) {
	payload, err := proto.Marshal(&waE2E.Message{ProtocolMessage: m})
	if err != nil {
		p.server.log.Error("peer message", zap.Error(err))
		return
	}
	id := messageID()
	p.peerSent[id] = payload
	enc, err := p.encrypt(c, d, pad(payload), nil)
	if err != nil {
		p.server.log.Warn("peer message not encrypted", zap.Error(err))
		return
	}
	p.queuePeer(c, d, id, enc)
}

// sendPeer sends such a message again, in a new session.
func (p *Phone) sendPeer(c *change, d *device, id string, payload []byte) {
	b := p.server.takeBundle(c, d)
	enc, err := p.encrypt(c, d, pad(payload), &b)
	if err != nil {
		p.server.log.Warn("peer message not encrypted", zap.Error(err))
		return
	}
	p.queuePeer(c, d, id, enc)
}

func (p *Phone) queuePeer(c *change, d *device, id string, enc node) {
	p.server.enqueue(c, d, el("message", attrs{
		"from": p.account.pnJID(0), "id": id, "type": "text", "category": peer,
		"t": unix(p.server.now()), "notify": p.account.pushName(),
	}, enc))
}

func (p *Phone) keyShare(ids ...[]byte) *waE2E.ProtocolMessage {
	share := &waE2E.AppStateSyncKeyShare{}
	for _, id := range ids {
		key := &waE2E.AppStateSyncKey{KeyID: &waE2E.AppStateSyncKeyId{KeyID: id}}
		if bytes.Equal(id, p.record.AppKeyID) {
			key.KeyData = &waE2E.AppStateSyncKeyData{
				KeyData:   p.record.AppKey,
				Timestamp: proto.Int64(p.record.AppKeyTime),
				Fingerprint: &waE2E.AppStateSyncKeyFingerprint{
					RawID: proto.Uint32(p.record.RawID), CurrentIndex: proto.Uint32(0), DeviceIndexes: []uint32{0},
				},
			}
		}
		share.Keys = append(share.Keys, key)
	}
	return &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum(), AppStateSyncKeyShare: share}
}

// history is a piece of history small enough to travel within the message.
func (p *Phone) history(kind waHistorySync.HistorySync_HistorySyncType, noticed waE2E.HistorySyncType, request string, chats []*waHistorySync.Conversation) *waE2E.ProtocolMessage {
	return p.historyNotice(&waHistorySync.HistorySync{
		SyncType: kind.Enum(), Conversations: chats, ChunkOrder: proto.Uint32(1), Progress: proto.Uint32(100),
	}, noticed, request)
}

func (p *Phone) historyNotice(h *waHistorySync.HistorySync, noticed waE2E.HistorySyncType, request string) *waE2E.ProtocolMessage {
	raw, err := proto.Marshal(h)
	if err != nil {
		p.server.log.Error("history", zap.Error(err))
		return nil
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(raw) // a buffer takes everything
	_ = w.Close()
	notice := &waE2E.HistorySyncNotification{
		SyncType: noticed.Enum(), ChunkOrder: proto.Uint32(1), Progress: proto.Uint32(100),
		InitialHistBootstrapInlinePayload: packed.Bytes(),
	}
	if request != "" {
		notice.PeerDataRequestSessionID = proto.String(request)
	}
	return &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION.Enum(), HistorySyncNotification: notice}
}

// pushNames tells the names of the people the phone has heard from.
func (p *Phone) pushNames() *waE2E.ProtocolMessage {
	h := &waHistorySync.HistorySync{SyncType: waHistorySync.HistorySync_PUSH_NAME.Enum()}
	var seen []string
	for _, m := range p.Messages(0) {
		if a, err := p.server.accountOf(m.From); err == nil && a != p.account && !slices.Contains(seen, a.lid) {
			seen = append(seen, a.lid)
			h.Pushnames = append(h.Pushnames, &waHistorySync.Pushname{
				ID: proto.String(a.pnJID(0).String()), Pushname: proto.String(a.pushName()),
			})
		}
	}
	if len(seen) == 0 {
		return nil
	}
	return p.historyNotice(h, waE2E.HistorySyncType_PUSH_NAME, "")
}

// receivePeer answers what a companion wants from its phone.
func (p *Phone) receivePeer(c *change, sender *account, device int, id string, m *waE2E.Message) {
	d := p.account.device(device)
	if sender != p.account || d == nil {
		return
	}
	msg := m.GetProtocolMessage()
	if msg == nil {
		msg = m.GetDeviceSentMessage().GetMessage().GetProtocolMessage()
	}
	switch msg.GetType() {
	case waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_REQUEST:
		var ids [][]byte
		for _, key := range msg.GetAppStateSyncKeyRequest().GetKeyIDs() {
			ids = append(ids, key.GetKeyID())
		}
		p.postPeer(c, d, p.keyShare(ids...))
	case waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_MESSAGE:
		p.dataRequest(c, d, id, msg.GetPeerDataOperationRequestMessage())
	}
}

func (p *Phone) dataRequest(c *change, d *device, id string, r *waE2E.PeerDataOperationRequestMessage) {
	switch r.GetPeerDataOperationRequestType() {
	case waE2E.PeerDataOperationRequestType_HISTORY_SYNC_ON_DEMAND:
		var chats []*waHistorySync.Conversation
		if chat := p.olderThan(r.GetHistorySyncOnDemandRequest()); chat != nil {
			chats = append(chats, chat)
		}
		if m := p.history(waHistorySync.HistorySync_ON_DEMAND, waE2E.HistorySyncType_ON_DEMAND, id, chats); m != nil {
			p.postPeer(c, d, m)
		}
	case waE2E.PeerDataOperationRequestType_PLACEHOLDER_MESSAGE_RESEND:
		answer := &waE2E.PeerDataOperationRequestResponseMessage{
			PeerDataOperationRequestType: r.GetPeerDataOperationRequestType().Enum(), StanzaID: proto.String(id),
		}
		for _, want := range r.GetPlaceholderMessageResendRequest() {
			if raw := p.placeholder(want.GetMessageKey()); raw != nil {
				answer.PeerDataOperationResult = append(answer.PeerDataOperationResult, &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult{
					PlaceholderMessageResendResponse: &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult_PlaceholderMessageResendResponse{
						WebMessageInfoBytes: raw,
					},
				})
			}
		}
		if len(answer.PeerDataOperationResult) > 0 {
			p.postPeer(c, d, &waE2E.ProtocolMessage{
				Type:                                    waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE.Enum(),
				PeerDataOperationRequestResponseMessage: answer,
			})
		}
	}
}

// placeholder is a message that the phone can read and its companion could not.
func (p *Phone) placeholder(key *waCommon.MessageKey) []byte {
	list := p.Messages(0)
	for _, m := range slices.Backward(list) {
		if m.ID != key.GetID() {
			continue
		}
		raw, err := proto.Marshal(p.webMessage(m, key.GetRemoteJID()))
		if err != nil {
			p.server.log.Error("placeholder", zap.Error(err))
			return nil
		}
		return raw
	}
	return nil
}

func (p *Phone) webMessage(m Received, chat string) *waWeb.WebMessageInfo {
	var content waE2E.Message
	if err := proto.Unmarshal(m.Raw, &content); err != nil {
		p.server.log.Error("kept message", zap.Error(err))
	}
	return &waWeb.WebMessageInfo{
		Key:              &waCommon.MessageKey{RemoteJID: proto.String(chat), FromMe: proto.Bool(m.FromMe), ID: proto.String(m.ID)},
		Message:          &content,
		MessageTimestamp: proto.Uint64(uint64(m.Timestamp.Unix())),
	}
}

// olderThan is a chat as the phone knows it, before a message.
func (p *Phone) olderThan(r *waE2E.PeerDataOperationRequestMessage_HistorySyncOnDemandRequest) *waHistorySync.Conversation {
	jid, err := types.ParseJID(r.GetChatJID())
	in, ok := p.server.chatAt(p.account, jid)
	if err != nil || !ok {
		return nil
	}
	chat := &waHistorySync.Conversation{ID: proto.String(r.GetChatJID())}
	for _, m := range slices.Backward(p.Messages(0)) {
		if m.Chat != in.name() || m.ID == r.GetOldestMsgID() || m.Timestamp.Unix() > r.GetOldestMsgTimestampMS() {
			continue
		}
		chat.Messages = append(chat.Messages, &waHistorySync.HistorySyncMsg{Message: p.webMessage(m, r.GetChatJID())})
		if len(chat.Messages) >= int(r.GetOnDemandMsgCount()) {
			break
		}
	}
	return chat
}

// writePushName puts the account's current name into its app state, if it is
// not there yet. The others are told, but not the one greeted: a companion that has just
// got the keys fetches everything, and would fetch the same twice at once.
func (p *Phone) writePushName(c *change, greeted *device) error {
	name := p.account.pushName()
	if p.record.NameWritten == name {
		return nil
	}
	if err := p.writeAppState(c, appstate.BuildSettingPushName(name), greeted); err != nil {
		return err
	}
	p.record.NameWritten = name
	c.put(p.path("phone"), p.record)
	return nil
}

// errOwnPatch says that the phone's own view of the app state is broken.
func errOwnPatch(name string, err error) error { return fmt.Errorf("app state %s: %w", name, err) }
