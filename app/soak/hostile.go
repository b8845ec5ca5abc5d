package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// hostileActs is how much the stranger does at a time.
const hostileActs = 30

// hostile has a stranger send what no honest client does: any messages at all, and receipts of
// all types about messages of others, with forged attributes. None of it may show in the chats of
// others, and what it leaves in the stranger's own is not counted.
func (d *driver) hostile(ctx context.Context) error {
	progress("a stranger sends nonsense and forgeries")
	taken := 0
	for range hostileActs {
		to := d.sessions[d.IntN(len(d.sessions))]
		chats, ids := d.ledger.known(to.id)
		if len(ids) == 0 {
			continue
		}
		what := "/messages"
		var body any
		if d.IntN(2) == 0 {
			what, body = "/receipts", d.forgedReceipt(to.phone, chats, ids)
		} else {
			m := &waE2E.Message{}
			g := gibberish{Rand: d.Rand, texts: append([]string{to.phone, "🧨\u202e", ""}, append(chats, ids...)...)}
			g.one(m.ProtoReflect())
			raw, err := protojson.MarshalOptions{AllowPartial: true}.Marshal(m)
			if err != nil {
				return fmt.Errorf("encode a message: %w", err)
			}
			body = map[string]any{"to": to.phone, "proto": json.RawMessage(raw)}
		}
		a, err := d.world.calls.ask(ctx, "POST", of(d.stranger)+what, body)
		if err != nil {
			return err
		}
		if a.status/100 == 5 { // what the sandbox does not take is no fault
			return fmt.Errorf("%s: %d: %s", what, a.status, a.body)
		}
		if a.status/100 == 2 {
			taken++
		}
	}
	progress("%d of %d of that reached the sessions", taken, hostileActs)
	return nil
}

// forgedReceipt tells a session something about messages of others, some of them twice. Who it
// comes from is not forged: that is what WhatsApp's server says, and nobody else.
func (d *driver) forgedReceipt(to string, chats, ids []string) any {
	pick := func(list []string) string { return list[d.IntN(len(list))] }
	var about []string
	for range 1 + d.IntN(20) {
		about = append(about, pick(ids))
	}
	about = append(about, about[0])
	attrs := map[string]any{}
	for range d.IntN(4) {
		name := pick([]string{"participant", "recipient", "notify", "t", "offline", "category", "sender_pn", "sender_lid", "peer_recipient_pn", "count", "error"})
		attrs[name] = pick([]string{"0", "-1", "peer", "x", "1@s.whatsapp.net", "1@lid", to[1:] + "@s.whatsapp.net", "status@broadcast"})
		if d.IntN(2) == 0 && name == "participant" {
			attrs[name] = address(pick(chats))
		}
	}
	kind := pick([]string{"", "read", "read-self", "played", "played-self", "sender", "inactive", "peer_msg", "hist_sync", "server-error", "x"})
	return map[string]any{"to": to, "type": kind, "ids": about, "attrs": attrs}
}

// address is a chat's, as stanzas have it.
func address(chat string) string {
	if chat[0] == '+' {
		return chat[1:] + "@s.whatsapp.net"
	}
	return chat
}

// gibberish makes messages at random.
type gibberish struct {
	*rand.Rand
	texts []string // that mean something
}

// one sets one field of a message, with all that may be within.
func (g gibberish) one(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	if fields.Len() > 0 {
		g.set(m, fields.Get(g.IntN(fields.Len())), 4)
	}
}

// some sets about half of the fields.
func (g gibberish) some(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if g.IntN(2) == 0 {
			g.set(m, fields.Get(i), depth)
		}
	}
}

func (g gibberish) set(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	switch {
	case f.IsMap():
	case f.IsList():
		list := m.Mutable(f).List()
		for range g.IntN(3) {
			if f.Message() == nil {
				list.Append(g.value(f))
			} else if depth > 0 {
				g.some(list.AppendMutable().Message(), depth-1)
			}
		}
	case f.Message() == nil:
		m.Set(f, g.value(f))
	case depth > 0 && f.Message().FullName() == m.Descriptor().FullName():
		g.one(m.Mutable(f).Message())
	case depth > 0:
		g.some(m.Mutable(f).Message(), depth-1)
	}
}

func (g gibberish) value(f protoreflect.FieldDescriptor) protoreflect.Value {
	n := g.Uint64() >> g.IntN(64)
	switch f.Kind() {
	case protoreflect.StringKind:
		text := g.texts[g.IntN(len(g.texts))]
		if text != "" && g.IntN(2) == 0 {
			text = address(text)
		}
		return protoreflect.ValueOfString(text)
	case protoreflect.BytesKind:
		raw := make([]byte, g.IntN(64))
		for i := range raw {
			raw[i] = byte(g.IntN(256))
		}
		return protoreflect.ValueOfBytes(raw)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.EnumKind:
		values := f.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(g.IntN(values.Len())).Number())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(g.NormFloat64() * 1e6)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(g.NormFloat64() * 1e6))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	default:
		return protoreflect.ValueOfUint64(n)
	}
}
