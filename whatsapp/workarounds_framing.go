package whatsapp

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// The framing of calendar events. The report: "getTypeFromMessage has no case for eventMessage and encEventResponseMessage: the stanza
// says type=text, and phones drop such an event without a word. It should be type=event, with
// <meta event_type=creation|response>; and SendRequestExtra could let callers set the type." TestEventsAreFramed fails when whatsmeow
// frames them by itself. An answer to a retry receipt is framed by whatsmeow, and so still wrong.

// frame is what a stanza says of its content.
type frame struct {
	kind string // the attribute type
	meta waBinary.Attrs
}

// frameOf is the frame of what whatsmeow frames wrongly; false for all else.
func frameOf(m *waE2E.Message) (frame, bool) {
	switch {
	case m.EventMessage != nil:
		return frame{"event", waBinary.Attrs{"event_type": "creation"}}, true
	case m.EncEventResponseMessage != nil:
		return frame{"event", waBinary.Attrs{"event_type": "response"}}, true
	}
	return frame{}, false
}

// framed is a message on its way past whatsmeow's SendMessage, which it follows step by step.
type framed struct {
	c       *conn
	to      types.JID
	id      string
	content *waE2E.Message
	frame   frame
	timings whatsmeow.MessageDebugTimings
}

// send is SendMessage. The caller sees to it that nothing else is sent meanwhile.
func (f *framed) send(ctx context.Context) (resp whatsmeow.SendResponse, err error) {
	resp.ID = f.id
	node, err := f.stanza(ctx)
	if err != nil {
		return resp, err
	}
	in := f.c.client.DangerousInternals()
	answer := in.WaitResponse(f.id)
	if _, err := in.SendNodeAndGetData(ctx, *node); err != nil {
		in.CancelResponse(f.id, answer)
		return resp, fmt.Errorf("send message node: %w", err)
	}
	began := time.Now()
	select {
	case ack := <-answer:
		resp.DebugTimings.Resp = max(time.Since(began), 1)
		if ack.Tag != "ack" { // the connection has ended
			return resp, whatsmeow.ErrNotConnected
		}
		attrs := ack.AttrGetter()
		resp.Timestamp = attrs.UnixTime("t")
		if code := attrs.OptionalInt("error"); code != 0 {
			return resp, fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, code)
		}
		return resp, nil
	case <-ctx.Done():
		in.CancelResponse(f.id, answer)
		return resp, ctx.Err()
	}
}

// stanza encrypts the message, and puts its frame around it.
func (f *framed) stanza(ctx context.Context) (node *waBinary.Node, err error) {
	if f.to.Server == types.GroupServer {
		node, err = f.toGroup(ctx)
	} else {
		node, err = f.toPerson(ctx)
	}
	if err != nil {
		return nil, err
	}
	node.Attrs["type"] = f.frame.kind
	node.Content = append(node.GetChildren(), waBinary.Node{Tag: "meta", Attrs: f.frame.meta})
	return node, nil
}

// toPerson encrypts the message to each device of a person, under their LID as whatsmeow does, and to the own ones.
func (f *framed) toPerson(ctx context.Context) (*waBinary.Node, error) {
	lids, pn := f.c.client.Store.LIDs, f.to
	var err error
	if f.to.Server == types.DefaultUserServer {
		f.to, err = lids.GetLIDForPN(ctx, pn)
	} else {
		pn, err = lids.GetPNForLID(ctx, f.to)
	}
	if err != nil {
		return nil, fmt.Errorf("other address of a recipient: %w", err)
	}
	if f.to.IsEmpty() {
		f.to = pn
	}
	plain, err := proto.Marshal(f.content)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	own, err := proto.Marshal(&waE2E.Message{
		DeviceSentMessage:  &waE2E.DeviceSentMessage{DestinationJID: proto.String(f.to.String()), Message: f.content},
		MessageContextInfo: f.content.MessageContextInfo,
	})
	if err != nil {
		return nil, fmt.Errorf("encode own copy: %w", err)
	}
	in := f.c.client.DangerousInternals()
	node, _, err := prepare(ctx, f, in.PrepareMessageNode, []types.JID{f.to, in.GetOwnLID().ToNonAD()}, plain, own)
	if err != nil {
		return nil, err
	}
	if !pn.IsEmpty() && pn != f.to {
		node.Attrs["peer_recipient_pn"] = pn
	}
	token, err := in.EnsureTCToken(ctx, f.to)
	if err != nil {
		return nil, fmt.Errorf("privacy token: %w", err)
	}
	if len(token) > 0 {
		node.Content = append(node.GetChildren(), waBinary.Node{Tag: "tctoken", Content: token})
	} else if token = in.GenerateCsToken(ctx, f.to); len(token) > 0 {
		node.Content = append(node.GetChildren(), waBinary.Node{Tag: "cstoken", Content: token})
	}
	return node, nil
}

// toGroup encrypts the message once for the group, and the key for that to each device in it.
func (f *framed) toGroup(ctx context.Context) (*waBinary.Node, error) {
	in, device := f.c.client.DangerousInternals(), f.c.client.Store
	group, err := in.GetCachedGroupData(ctx, f.to)
	if err != nil {
		return nil, fmt.Errorf("members of a group: %w", err)
	}
	plain, err := proto.Marshal(f.content)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	builder := groups.NewGroupSessionBuilder(device, wastore.SignalProtobufSerializer)
	name := protocol.NewSenderKeyName(f.to.String(), in.GetOwnLID().SignalAddress())
	key, err := builder.Create(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("sender key: %w", err)
	}
	given, err := proto.Marshal(&waE2E.Message{SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{
		GroupID: proto.String(f.to.String()), AxolotlSenderKeyDistributionMessage: key.Serialize(),
	}})
	if err != nil {
		return nil, fmt.Errorf("encode sender key: %w", err)
	}
	sealed, err := groups.NewGroupCipher(builder, name, device).Encrypt(ctx, padded(plain))
	if err != nil {
		return nil, fmt.Errorf("encrypt for a group: %w", err)
	}
	node, devices, err := prepare(ctx, f, in.PrepareMessageNode, group.Members, given, nil)
	if err != nil {
		return nil, err
	}
	if group.AddressingMode == types.AddressingModeLID {
		node.Attrs["addressing_mode"] = string(types.AddressingModeLID)
	}
	node.Attrs["phash"] = hashOf(devices)
	node.Content = append(node.GetChildren(), waBinary.Node{Tag: "enc", Content: sealed.SignedSerialize(), Attrs: waBinary.Attrs{"v": "2", "type": "skmsg"}})
	return node, nil
}

// prepare calls whatsmeow's function without what it calls extra, whose type has no name outside of whatsmeow.
func prepare[X any](
	ctx context.Context, f *framed,
	with func(context.Context, types.JID, types.MessageID, *waE2E.Message, []types.JID, []byte, []byte, *whatsmeow.MessageDebugTimings, X) (*waBinary.Node, []types.JID, error),
	people []types.JID, plain, own []byte,
) (*waBinary.Node, []types.JID, error) {
	var extra X
	node, devices, err := with(ctx, f.to, f.id, f.content, people, plain, own, &f.timings, extra)
	if err != nil {
		return nil, nil, fmt.Errorf("encrypt for devices: %w", err)
	}
	return node, devices, nil
}

// byNumber says whether a chat addresses people by their numbers: some groups do. The report: "there is no way to ask for
// a group's addressing mode as SendMessage knows it."
func (c *conn) byNumber(ctx context.Context, chat string) (bool, error) {
	jid, err := types.ParseJID(chat)
	if err != nil || jid.Server != types.GroupServer {
		return false, err
	}
	group, err := c.client.DangerousInternals().GetCachedGroupData(ctx, jid)
	if err != nil {
		return false, c.notSent(err)
	}
	return group.AddressingMode == types.AddressingModePN, nil
}

// padded is a message with the padding that WhatsApp's clients take off: so many bytes of that value.
func padded(plain []byte) []byte {
	const pad = 8 // any from 1 to 15
	return append(slices.Clone(plain), slices.Repeat([]byte{pad}, pad)...)
}

// hashOf is by what the server sees that the sender knows of all devices in a group.
func hashOf(devices []types.JID) string {
	var names []string
	for _, d := range devices {
		names = append(names, d.ADString())
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "")))
	return "2:" + base64.RawStdEncoding.EncodeToString(sum[:6])
}
