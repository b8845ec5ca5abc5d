package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"go.mau.fi/libsignal/ecc"
	groups "go.mau.fi/libsignal/groups/state/record"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/logger"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/libsignal/util/optional"
	"go.mau.fi/whatsmeow/util/keys"

	"whatsapp-api/whatsapp/ratchet"
)

// silence is set once for all servers of the process: libsignal has one global
// logger, which it makes on first use, without a lock, and which prints.
var silence sync.Once

func quietSignal() {
	silence.Do(func() {
		if logger.Logger == nil {
			logger.Logger = noLog{}
		}
	})
}

// noLog drops what libsignal says; every failure also comes as an error.
type noLog struct{}

func (noLog) Debug(string, string)   {}
func (noLog) Info(string, string)    {}
func (noLog) Warning(string, string) {}
func (noLog) Error(string, string)   {}
func (noLog) Configure(string)       {}

var errNotUsed = errors.New("not used by phones of the sandbox")

// signalStore is the Signal state of a phone. It is used under the phone's
// lock, within one change at a time. Sessions are kept as bytes, so that a
// failed decryption leaves nothing half changed.
type signalStore struct {
	path         string // beginning of the keys of sessions on disk
	privatePath  string // and of private prekeys
	groupPath    string // and of sender keys
	change       *change
	identity     *identity.KeyPair
	registration uint32
	signed       *record.SignedPreKey
	prekeys      map[uint32]*keys.KeyPair
	sessions     map[string][]byte
	groups       map[string][]byte
	held         map[string]*record.Session // during a burst; nil otherwise
	format       *serialize.Serializer
}

// newSignal makes the store out of the phone's private keys.
func (p *Phone) newSignal() {
	pair := keys.NewKeyPairFromPrivateKey(p.record.Identity)
	signed := &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey(p.record.Signed), KeyID: p.record.SignedID}
	signature := pair.Sign(&signed.KeyPair)
	p.format = serialize.NewProtoBufSerializer()
	p.signal = &signalStore{
		path:         p.path("session"),
		privatePath:  p.path("private"),
		groupPath:    p.path("senderkey"),
		identity:     identity.NewKeyPair(identity.NewKey(ecc.NewDjbECPublicKey(*pair.Pub)), ecc.NewDjbECPrivateKey(*pair.Priv)),
		registration: p.record.Registration,
		signed: record.NewSignedPreKey(signed.KeyID, 0, ecc.NewECKeyPair(
			ecc.NewDjbECPublicKey(*signed.Pub), ecc.NewDjbECPrivateKey(*signed.Priv)), *signature, nil),
		prekeys:  make(map[uint32]*keys.KeyPair),
		sessions: make(map[string][]byte),
		groups:   make(map[string][]byte),
		format:   p.format,
	}
}

// published is the public half of the phone's keys.
func (p *Phone) published() publicKeys {
	signature := p.signal.signed.Signature()
	signed := keys.NewKeyPairFromPrivateKey(p.record.Signed)
	return publicKeys{
		Registration: p.record.Registration,
		Identity:     *keys.NewKeyPairFromPrivateKey(p.record.Identity).Pub,
		Signed:       publicKey{ID: p.record.SignedID, Value: signed.Pub[:]},
		Signature:    signature[:],
	}
}

// A phone publishes this many one-time keys whenever it has few left.
const (
	phonePreKeys    = 24
	phonePreKeysLow = 8
)

// topUp publishes new one-time keys if few are left.
func (p *Phone) topUp(c *change, d *device) {
	if d.spareCount() >= phonePreKeysLow {
		return
	}
	added := make([]publicKey, phonePreKeys)
	for i := range added {
		pair := keys.NewKeyPair()
		id := p.record.NextPreKey
		p.record.NextPreKey = id%0xfffffe + 1 // three bytes, without 0
		p.signal.prekeys[id] = pair
		c.put(p.signal.privatePath+fmt.Sprintf("%08x", id), pair.Priv[:])
		added[i] = publicKey{ID: id, Value: pair.Pub[:]}
	}
	c.put(p.path("phone"), p.record)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addSpare(c, added)
}

func randomNumber() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint32(b[:])
}

// newPhone makes the phone of a new account and publishes its keys.
func (s *Server) newPhone(c *change, a *account) *Phone {
	p := newEmptyPhone(s, a)
	appKey := make([]byte, 32)
	_, _ = rand.Read(appKey) // never fails
	p.record = phoneRecord{
		Registration: randomNumber()%16380 + 1,
		Identity:     *keys.NewKeyPair().Priv,
		Signed:       *keys.NewKeyPair().Priv,
		SignedID:     1,
		NextPreKey:   1,
		AppKeyID:     append([]byte{0, 0}, number(randomNumber(), 4)...),
		AppKey:       appKey,
		AppKeyTime:   s.now().UnixMilli(),
		RawID:        randomNumber(),
	}
	p.newSignal()
	d := newDevice(a, 0)
	d.keys = p.published()
	a.mu.Lock()
	a.devices[0], a.phone = d, p
	a.save(c)
	a.mu.Unlock()
	d.mu.Lock()
	d.save(c)
	d.mu.Unlock()
	p.topUp(c, d)
	return p
}

func newEmptyPhone(s *Server, a *account) *Phone {
	return &Phone{
		server: s, account: a, wake: make(chan struct{}, 1),
		sent: make(map[string]*sentMessage), sentIDs: newRecent(keptSent), known: newRecent(1 << 16),
		asked: make(map[string]int), peerSent: make(map[string][]byte),
	}
}

// begin makes the store work for one change; the caller holds p.mu.
func (p *Phone) begin() *change {
	p.signal.change = p.server.change()
	return p.signal.change
}

// encrypt makes one device's copy of a padded message, starting a session if
// there is none, or anew if fresh is given.
func (p *Phone) encrypt(c *change, d *device, padded []byte, fresh *bundle) (node, error) {
	address := d.account.lidJID(d.number).SignalAddress()
	builder := session.NewBuilderFromSignal(p.signal, address, p.format)
	ctx := p.server.ctx
	has, err := p.signal.ContainsSession(ctx, address)
	if err != nil {
		return node{}, err
	}
	if fresh == nil && !has {
		b := p.server.takeBundle(c, d)
		fresh = &b
	}
	if fresh != nil {
		if err := builder.ProcessBundle(ctx, fresh.signal(uint32(d.number))); err != nil {
			return node{}, fmt.Errorf("start session with device %d: %w", d.number, err)
		}
	}
	sealed, err := session.NewCipher(builder, address).Encrypt(ctx, padded)
	if err != nil {
		return node{}, fmt.Errorf("encrypt for device %d: %w", d.number, err)
	}
	kind := "msg"
	if sealed.Type() == protocol.PREKEY_TYPE {
		kind = "pkmsg"
	}
	return leaf("enc", attrs{"v": "2", "type": kind}, sealed.Serialize()), nil
}

// signal turns the published keys into what libsignal starts a session from.
func (b *bundle) signal(device uint32) *prekey.Bundle {
	id, spare := optional.NewEmptyUint32(), ecc.ECPublicKeyable(nil)
	if b.spare != nil {
		id, spare = optional.NewOptionalUint32(b.spare.ID), ecc.NewDjbECPublicKey([32]byte(b.spare.Value))
	}
	return prekey.NewBundle(b.Registration, device, id, b.Signed.ID, spare,
		ecc.NewDjbECPublicKey([32]byte(b.Signed.Value)), [64]byte(b.Signature), identity.NewKey(ecc.NewDjbECPublicKey(b.Identity)))
}

// decrypt opens what a device encrypted for this phone and takes the padding
// off.
func (p *Phone) decrypt(from *account, device int, enc *node) (plain []byte, err error) {
	defer func() {
		if r := recover(); r != nil { // malformed input of a client
			err = fmt.Errorf("decrypt: %v", r)
		}
	}()
	address := from.lidJID(device).SignalAddress()
	cipher := session.NewCipher(session.NewBuilderFromSignal(p.signal, address, p.format), address)
	ctx := p.server.ctx
	switch kind := attrString(enc, "type"); kind {
	case "pkmsg":
		msg, err := protocol.NewPreKeySignalMessageFromBytes(contentBytes(enc), p.format.PreKeySignalMessage, p.format.SignalMessage)
		if err != nil {
			return nil, fmt.Errorf("read pkmsg: %w", err)
		}
		plain, err = cipher.DecryptMessage(ctx, msg)
		if err != nil {
			return nil, fmt.Errorf("decrypt pkmsg: %w", err)
		}
	case "msg":
		msg, err := protocol.NewSignalMessageFromBytes(contentBytes(enc), p.format.SignalMessage)
		if err != nil {
			return nil, fmt.Errorf("read msg: %w", err)
		}
		plain, err = cipher.Decrypt(ctx, msg)
		if err != nil {
			return nil, fmt.Errorf("decrypt msg: %w", err)
		}
	default:
		return nil, fmt.Errorf("encryption of type %q", kind)
	}
	return unpad(plain)
}

// pad adds N bytes of value N, N from 1 to 15, so that the length of a message
// says less.
func pad(plain []byte) []byte {
	n := byte(randomNumber()%15) + 1
	out := make([]byte, len(plain), len(plain)+int(n))
	copy(out, plain)
	for range n {
		out = append(out, n)
	}
	return out
}

func unpad(padded []byte) ([]byte, error) {
	if len(padded) == 0 {
		return nil, errors.New("message without padding")
	}
	n := int(padded[len(padded)-1])
	if n == 0 || n > len(padded) {
		return nil, errors.New("message with wrong padding")
	}
	return padded[:len(padded)-n], nil
}

// hold keeps sessions decoded while many messages are encrypted; release puts
// them back.
func (s *signalStore) hold() { s.held = make(map[string]*record.Session) }

func (s *signalStore) release() {
	held := s.held
	s.held = nil
	for address, r := range held {
		s.put(address, r.Serialize())
	}
}

func (s *signalStore) put(address string, raw []byte) {
	s.sessions[address] = raw
	s.change.put(s.path+address, raw)
}

func (s *signalStore) GetIdentityKeyPair() *identity.KeyPair { return s.identity }
func (s *signalStore) GetLocalRegistrationID() uint32        { return s.registration }

// SaveIdentity keeps nothing: a phone of the sandbox trusts whoever its server
// names, as a person does who never compares security codes.
func (s *signalStore) SaveIdentity(context.Context, *protocol.SignalAddress, *identity.Key) error {
	return nil
}

func (s *signalStore) IsTrustedIdentity(context.Context, *protocol.SignalAddress, *identity.Key) (bool, error) {
	return true, nil
}

func (s *signalStore) LoadPreKey(_ context.Context, id uint32) (*record.PreKey, error) {
	pair := s.prekeys[id]
	if pair == nil {
		return nil, nil
	}
	return record.NewPreKey(id, ecc.NewECKeyPair(ecc.NewDjbECPublicKey(*pair.Pub), ecc.NewDjbECPrivateKey(*pair.Priv)), nil), nil
}

func (s *signalStore) RemovePreKey(_ context.Context, id uint32) error {
	delete(s.prekeys, id)
	s.change.del(s.privatePath + fmt.Sprintf("%08x", id))
	return nil
}

func (s *signalStore) ContainsPreKey(_ context.Context, id uint32) (bool, error) {
	return s.prekeys[id] != nil, nil
}

func (s *signalStore) StorePreKey(context.Context, uint32, *record.PreKey) error { return errNotUsed }

func (s *signalStore) LoadSession(_ context.Context, address *protocol.SignalAddress) (*record.Session, error) {
	name := address.String()
	if r := s.held[name]; r != nil {
		return r, nil
	}
	raw := s.sessions[name]
	if raw == nil {
		return record.NewSession(s.format.Session, s.format.State), nil
	}
	return record.NewSessionFromBytes(raw, s.format.Session, s.format.State)
}

func (s *signalStore) StoreSession(_ context.Context, address *protocol.SignalAddress, r *record.Session) error {
	if s.held != nil {
		s.held[address.String()] = r
		return nil
	}
	name := address.String()
	s.put(name, ratchet.Mend(s.sessions[name], r.Serialize()))
	return nil
}

func (s *signalStore) ContainsSession(_ context.Context, address *protocol.SignalAddress) (bool, error) {
	name := address.String()
	return s.held[name] != nil || s.sessions[name] != nil, nil
}

func (s *signalStore) DeleteSession(_ context.Context, address *protocol.SignalAddress) error {
	delete(s.sessions, address.String())
	s.change.del(s.path + address.String())
	return nil
}

func (s *signalStore) GetSubDeviceSessions(context.Context, string) ([]uint32, error) {
	return nil, errNotUsed
}

func (s *signalStore) DeleteAllSessions(context.Context) error { return errNotUsed }

func (s *signalStore) LoadSignedPreKey(_ context.Context, id uint32) (*record.SignedPreKey, error) {
	if id != s.signed.ID() {
		return nil, nil
	}
	return s.signed, nil
}

func (s *signalStore) LoadSignedPreKeys(context.Context) ([]*record.SignedPreKey, error) {
	return nil, errNotUsed
}

func (s *signalStore) StoreSignedPreKey(context.Context, uint32, *record.SignedPreKey) error {
	return errNotUsed
}

func (s *signalStore) ContainsSignedPreKey(_ context.Context, id uint32) (bool, error) {
	return id == s.signed.ID(), nil
}

func (s *signalStore) RemoveSignedPreKey(context.Context, uint32) error { return errNotUsed }

func (s *signalStore) StoreSenderKey(_ context.Context, name *protocol.SenderKeyName, r *groups.SenderKey) error {
	key, raw := name.GroupID()+"\x00"+name.Sender().String(), r.Serialize()
	s.groups[key] = raw
	s.change.put(s.groupPath+hex.EncodeToString([]byte(key)), raw)
	return nil
}

func (s *signalStore) LoadSenderKey(_ context.Context, name *protocol.SenderKeyName) (*groups.SenderKey, error) {
	raw := s.groups[name.GroupID()+"\x00"+name.Sender().String()]
	if raw == nil {
		return groups.NewSenderKey(s.format.SenderKeyRecord, s.format.SenderKeyState), nil
	}
	return groups.NewSenderKeyFromBytes(raw, s.format.SenderKeyRecord, s.format.SenderKeyState)
}
