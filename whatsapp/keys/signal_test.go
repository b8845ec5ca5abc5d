package keys_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	signal "go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/util/optional"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	wakeys "go.mau.fi/whatsmeow/util/keys"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

var serializer = wastore.SignalProtobufSerializer

const group = "120363000000000000@g.us"

// chaos is the log of one life of a device. It fails now and then, before or after a unit
// is kept, and keeps nothing once its owner has died.
type chaos struct {
	store.Log
	mu   sync.Mutex // a lazy flush commits on a goroutine of its own
	rnd  *rand.Rand
	rate float64
	dead atomic.Bool
	kept func(store.Unit)
}

func (c *chaos) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead.Load() {
		return store.Kept{}, store.ErrFenced
	}
	if c.rnd.Float64() < c.rate {
		return store.Kept{}, store.ErrUnavailable
	}
	kept, err := c.Log.Commit(ctx, u)
	if err == nil {
		c.kept(u)
		if c.rnd.Float64() < c.rate/2 {
			return store.Kept{}, store.ErrUnavailable
		}
	}
	return kept, err
}

// envelope is a message on its way: one part, or two as in a group.
type envelope struct {
	id    string
	from  types.JID
	parts []sealed
}

type sealed struct {
	kind string // "pkmsg", "msg", "skmsg"
	body []byte
	text string // what it must decrypt to
}

// party is one device with its mailbox on the server.
type party struct {
	t       *testing.T
	rnd     *rand.Rand
	back    backend
	jid     types.JID // LID with device
	life    *chaos
	dev     *keys.Device
	inbox   []envelope // not acknowledged, in order
	done    []envelope // acknowledged
	stored  map[string]int
	bundles []*wakeys.PreKey // on the server
	sent    int
	stale   int
	crashes int
}

func (p *party) open() {
	p.life = &chaos{Log: p.back.Log(), rnd: rand.New(rand.NewPCG(p.rnd.Uint64(), 1)), rate: 0.15, kept: func(u store.Unit) {
		for _, m := range u.Messages {
			p.stored[m.ID]++
		}
	}}
	dev, err := keys.Open(ctx, keys.Config{Session: session, Devices: p.back.Devices(), Log: p.life})
	require.NoError(p.t, err)
	p.dev = dev
}

func (p *party) crash() {
	p.crashes++
	p.life.dead.Store(true)
	_ = p.dev.Close(ctx) // ends its timer; it can keep nothing any more
	p.open()
}

// maybeCrash crashes now and then and says whether it did.
func (p *party) maybeCrash() bool {
	if p.rnd.Float64() < 0.04 {
		p.crash()
		return true
	}
	return false
}

// bundle is what the server gives to those who have no session with p.
func (p *party) bundle() *prekey.Bundle {
	for len(p.bundles) == 0 {
		ids, err := p.dev.Whatsmeow().PreKeys.GetOrGenPreKeys(ctx, 20)
		if err == nil && p.dev.Whatsmeow().PreKeys.MarkPreKeysAsUploaded(ctx, ids[19].KeyID) == nil {
			p.bundles = ids
		}
	}
	one := p.bundles[0]
	p.bundles = p.bundles[1:]
	wa := p.dev.Whatsmeow()
	return prekey.NewBundle(wa.RegistrationID, uint32(p.jid.Device), optional.NewOptionalUint32(one.KeyID), wa.SignedPreKey.KeyID,
		ecc.NewDjbECPublicKey(*one.Pub), ecc.NewDjbECPublicKey(*wa.SignedPreKey.Pub), *wa.SignedPreKey.Signature,
		identity.NewKey(ecc.NewDjbECPublicKey(*wa.IdentityKey.Pub)))
}

// send sends until it is sent, as whatsmeow and our own code around it do.
func (p *party) send(to *party, inGroup bool) {
	p.sent++
	env := envelope{id: fmt.Sprintf("%s-%d", p.jid.User, p.sent), from: p.jid}
	for {
		p.maybeCrash()
		parts, err := p.seal(to, env.id, inGroup)
		if err == nil {
			env.parts = parts
			to.inbox = append(to.inbox, env)
			return
		}
		if errors.Is(err, keys.ErrStale) {
			p.stale++
		} else {
			require.ErrorIs(p.t, err, store.ErrUnavailable)
		}
	}
}

func (p *party) seal(to *party, id string, inGroup bool) ([]sealed, error) {
	var parts []sealed
	wa, text := p.dev.Whatsmeow(), "text of "+id
	sending := keys.WithSend(ctx)
	if inGroup {
		builder := groups.NewGroupSessionBuilder(wa, serializer)
		name := protocol.NewSenderKeyName(group, p.jid.SignalAddress())
		skdm, err := builder.Create(sending, name)
		if err != nil {
			return nil, err
		}
		cipher, err := groups.NewGroupCipher(builder, name, wa).Encrypt(sending, []byte(text))
		if err != nil {
			return nil, err
		}
		parts = append(parts, sealed{"skmsg", cipher.SignedSerialize(), text})
		text = string(skdm.Serialize())
	}
	address := to.jid.SignalAddress()
	existing, sending, err := wa.WithCachedSessions(sending, []string{address.String()})
	if err != nil {
		return nil, err
	}
	builder := signal.NewBuilderFromSignal(wa, address, serializer)
	if !existing[address.String()] {
		if err := builder.ProcessBundle(sending, to.bundle()); err != nil {
			return nil, err
		}
	}
	cipher, err := signal.NewCipher(builder, address).Encrypt(sending, []byte(text))
	if err != nil {
		return nil, err
	}
	if p.rnd.Float64() < 0.3 { // something comes in meanwhile
		p.receive()
	}
	if err := wa.PutCachedSessions(sending); err != nil {
		return nil, err
	}
	kind := "msg"
	if cipher.Type() == protocol.PREKEY_TYPE {
		kind = "pkmsg"
	}
	return slices.Insert(parts, 0, sealed{kind, cipher.Serialize(), text}), nil
}

// receive handles the oldest message of the mailbox and acknowledges it when it is kept.
func (p *party) receive() {
	if len(p.inbox) == 0 {
		return
	}
	env := p.inbox[0]
	if p.handle(env) {
		p.inbox = p.inbox[1:]
		p.done = append(p.done, env)
	}
}

func (p *party) handle(env envelope) bool {
	for i, part := range env.parts {
		wa := p.dev.Whatsmeow()
		plain, hash, processed := p.open1(env, part)
		if processed {
			continue
		}
		require.Equal(p.t, part.text, string(plain))
		if last := i == len(env.parts)-1; !last { // a sender key, nothing for the handler
			skdm, err := protocol.NewSenderKeyDistributionMessageFromBytes(plain, serializer.SenderKeyDistributionMessage)
			require.NoError(p.t, err)
			builder := groups.NewGroupSessionBuilder(wa, serializer)
			require.NoError(p.t, builder.Process(ctx, protocol.NewSenderKeyName(group, env.from.SignalAddress()), skdm))
			if p.rnd.Float64() < 0.2 { // some other happening
				_, _ = p.dev.Commit(ctx, store.Unit{})
			}
		} else if !p.keep(env) {
			return false
		}
		require.NoError(p.t, wa.EventBuffer.ClearBufferedEventPlaintext(ctx, hash))
	}
	return true
}

func (p *party) keep(env envelope) bool {
	u := store.Unit{
		Chats:    []store.ChatUpdate{{ID: "c", Kind: store.ChatPerson}},
		Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", Sender: "s", ID: env.id}, Type: "text", Status: store.StatusReceived, Timestamp: sentAt}},
	}
	_, err := p.dev.CommitReceived(ctx, u, sentAt)
	if errors.Is(err, store.ErrExists) {
		_, err = p.dev.CommitReceived(ctx, store.Unit{}, sentAt)
	}
	if err != nil {
		require.ErrorIs(p.t, err, store.ErrUnavailable)
		return false
	}
	return true
}

// open1 decrypts as whatsmeow's bufferedDecrypt does.
func (p *party) open1(env envelope, part sealed) (plain []byte, hash [32]byte, processed bool) {
	wa := p.dev.Whatsmeow()
	hash = sha256.Sum256(part.body)
	event, err := wa.EventBuffer.GetBufferedEvent(ctx, hash)
	require.NoError(p.t, err)
	if event != nil {
		return event.Plaintext, hash, event.Plaintext == nil
	}
	err = wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) (err error) {
		builder := signal.NewBuilderFromSignal(wa, env.from.SignalAddress(), serializer)
		cipher := signal.NewCipher(builder, env.from.SignalAddress())
		switch part.kind {
		case "pkmsg":
			msg, parsed := protocol.NewPreKeySignalMessageFromBytes(part.body, serializer.PreKeySignalMessage, serializer.SignalMessage)
			require.NoError(p.t, parsed)
			plain, err = cipher.DecryptMessage(ctx, msg)
		case "msg":
			msg, parsed := protocol.NewSignalMessageFromBytes(part.body, serializer.SignalMessage)
			require.NoError(p.t, parsed)
			plain, err = cipher.Decrypt(ctx, msg)
		case "skmsg":
			msg, parsed := protocol.NewSenderKeyMessageFromBytes(part.body, serializer.SenderKeyMessage)
			require.NoError(p.t, parsed)
			name := protocol.NewSenderKeyName(group, env.from.SignalAddress())
			plain, err = groups.NewGroupCipher(groups.NewGroupSessionBuilder(wa, serializer), name, wa).Decrypt(ctx, msg)
		}
		if err != nil {
			return err
		}
		return wa.EventBuffer.PutBufferedEvent(ctx, hash, plain, sentAt)
	})
	require.NoError(p.t, err, "%s %s", env.id, part.kind)
	return plain, hash, false
}

func TestSignalExchange(t *testing.T) {
	backends := map[string]func(t *testing.T) backend{
		"mem":    func(*testing.T) backend { return memBackend{newMemStore()} },
		"sqlite": func(t *testing.T) backend { return openSqlite(t) },
		"mongo":  func(t *testing.T) backend { return openMongo(t) },
	}
	for name, open := range backends {
		seeds := 6
		if name != "mem" {
			seeds = 1
		}
		for seed := range seeds {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				t.Parallel()
				rnd := rand.New(rand.NewPCG(uint64(seed), 1))
				exchange(t, rnd, open(t), open(t))
			})
		}
	}
}

func exchange(t *testing.T, rnd *rand.Rand, backA, backB backend) {
	var parties []*party
	for i, back := range []backend{backA, backB} {
		p := &party{t: t, rnd: rnd, back: back, stored: map[string]int{}}
		p.jid = types.JID{User: fmt.Sprint("90000", i), Device: 7, Server: types.HiddenUserServer}
		p.open()
		p.life.rate = 0
		linkAs(t, p.dev.Whatsmeow(), types.JID{User: fmt.Sprint("3460000", i), Device: 7, Server: types.DefaultUserServer}, p.jid)
		p.life.rate = 0.15
		parties = append(parties, p)
	}
	for parties[0].sent < 200 || parties[1].sent < 200 {
		p := parties[rnd.IntN(2)]
		other := parties[0]
		if p == other {
			other = parties[1]
		}
		switch {
		case rnd.Float64() < 0.45 && p.sent < 200: // both may begin at once
			p.send(other, rnd.Float64() < 0.3)
		case rnd.Float64() < 0.1 && len(p.done) > 0: // the server did not hear of an acknowledgement
			require.True(t, p.handle(p.done[rnd.IntN(len(p.done))]))
		default:
			p.receive()
		}
		p.maybeCrash()
	}
	for _, p := range parties {
		for len(p.inbox) > 0 {
			p.receive()
		}
		p.crash()
		require.Len(t, p.stored, 200, "every message is kept")
		for id, n := range p.stored {
			require.Equal(t, 1, n, id)
		}
		for _, env := range p.done {
			require.True(t, p.handle(env), "all are known as processed")
		}
		require.Len(t, p.stored, 200)
		require.NoError(t, p.dev.Close(ctx))
		t.Logf("%d crashes, %d stale sends", p.crashes, p.stale)
	}
}
