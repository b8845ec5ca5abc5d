package sandbox

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// A client shows six codes, the first for a minute and the others for 20
// seconds each; a code is good a little longer than it is shown.
const (
	refsPerClient = 6
	firstRefShown = 60 * time.Second
	otherRefShown = 20 * time.Second
	refGrace      = 10 * time.Second
)

// pairing is one reference of a QR code.
type pairing struct {
	conn    *conn // nil when used or gone
	expires time.Time
	used    bool
}

// startPairing shows an unlinked client the references for its QR codes.
func (c *conn) startPairing(payload *waWa6.ClientPayload) error {
	reg := payload.GetDevicePairingData()
	if len(reg.GetEIdent()) != 32 || len(reg.GetESkeyVal()) != 32 || len(reg.GetESkeySig()) != 64 ||
		len(reg.GetERegid()) != 4 || len(reg.GetESkeyID()) != 3 || len(reg.GetBuildHash()) != md5.Size {
		c.fail(400, "")
		return errors.New("registration without complete keys")
	}
	c.registration = reg
	shown := c.server.now()
	list := make([]node, refsPerClient)
	c.server.mu.Lock()
	for i := range list {
		var raw [24]byte
		_, _ = rand.Read(raw[:]) // never fails
		ref := "2@" + base64.RawURLEncoding.EncodeToString(raw[:])
		if i == 0 {
			shown = shown.Add(firstRefShown)
		} else {
			shown = shown.Add(otherRefShown)
		}
		c.server.refs[ref] = &pairing{conn: c, expires: shown.Add(refGrace)}
		list[i] = leaf("ref", nil, []byte(ref))
	}
	c.server.mu.Unlock()
	c.send(el("iq", attrs{"from": serverJID(), "type": "set", "id": c.server.nextID(), "xmlns": "md"}, el("pair-device", nil, list...)))
	return nil
}

// endPairing makes the codes of an ended connection stale.
func (s *Server) endPairing(c *conn) {
	if c.registration == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, p := range s.refs {
		if p.conn == c {
			delete(s.refs, ref)
		}
	}
}

// qrCode is what a QR code says.
type qrCode struct {
	ref      string
	noise    []byte
	identity []byte
	secret   []byte
}

func parseQR(text string) (qrCode, error) {
	_, after, ok := strings.Cut(text, "#")
	if !ok {
		after = text // older clients show the data alone
	}
	parts := strings.Split(strings.TrimSpace(after), ",")
	if len(parts) < 4 || parts[0] == "" {
		return qrCode{}, ErrQRInvalid
	}
	code := qrCode{ref: parts[0]}
	for i, to := range []*[]byte{&code.noise, &code.identity, &code.secret} {
		raw, err := base64.StdEncoding.DecodeString(parts[i+1])
		if err != nil || len(raw) != 32 {
			return qrCode{}, fmt.Errorf("%w: part %d is not a key", ErrQRInvalid, i+2)
		}
		*to = raw
	}
	return code, nil
}

// claim takes a shown reference: nobody else can link with it any more, nor
// with the other references of that client.
func (s *Server) claim(code qrCode) (*conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.refs[code.ref]
	if p == nil {
		return nil, ErrQRStale
	}
	if p.used {
		return nil, ErrQRUsed
	}
	if s.now().After(p.expires) {
		return nil, ErrQRStale
	}
	c := p.conn
	if string(code.noise) != string(c.client[:]) || string(code.identity) != string(c.registration.GetEIdent()) {
		return nil, fmt.Errorf("%w: the keys are not those of the client that shows it", ErrQRInvalid)
	}
	for _, other := range s.refs {
		if other.conn == c {
			other.conn, other.used = nil, true
		}
	}
	return c, nil
}

// Scan links the client that shows this QR text to the phone, and returns the
// number of the new device when the client has confirmed.
func (p *Phone) Scan(ctx context.Context, qr string) (int, error) {
	code, err := parseQR(qr)
	if err == nil {
		err = p.checkOn()
	}
	if err != nil {
		return 0, err
	}
	c, err := p.server.claim(code)
	if err != nil {
		return 0, err
	}
	return p.link(ctx, c, code.secret)
}

// link lets the phone vouch for a client's keys and the client confirm.
func (p *Phone) link(ctx context.Context, c *conn, secret []byte) (int, error) {
	number, err := p.account.nextDevice(p.server)
	if err != nil {
		return 0, err
	}
	identity := c.registration.GetEIdent()
	container, signed, err := p.vouch(number, identity, secret)
	if err != nil {
		return 0, err
	}
	answer, err := c.ask(ctx, el("iq", attrs{
		"from": serverJID(), "type": "set", "id": p.server.nextID(), "xmlns": "md", "t": unix(p.server.now()),
	}, el("pair-success", nil,
		leaf("device-identity", nil, container),
		el("device", attrs{"jid": p.account.pnJID(number), "lid": p.account.lidJID(number)}),
		el("platform", attrs{"name": "android"}),
	)))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrPairRefused, err)
	}
	if err := checkConfirmation(answer, signed, identity); err != nil {
		c.cancel()
		return 0, err
	}
	d := c.newCompanion(p.account, number)
	// The client comes back with its new login within milliseconds of the stream
	// error, so it must be able to log in before that is sent.
	if err := p.server.addDevice(ctx, d); err != nil {
		return 0, err
	}
	c.sendLast(el("stream:error", attrs{"code": "515"}))
	c.log.Info("device linked", zap.Int("device", number), zap.String("platform", d.platform))
	return number, nil
}

// nextDevice reserves a device number. Numbers are not used again.
func (a *account) nextDevice(s *Server) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == hostedDevice {
		a.next++
	}
	if a.next > maxDevice {
		return 0, ErrTooManyLinks
	}
	number := a.next
	a.next++
	c := s.change()
	a.save(c)
	c.commit()
	return number, nil
}

func advPrefix(kind byte, parts ...[]byte) []byte {
	out := []byte{6, kind}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// checkConfirmation reads the client's answer to pair-success: the identity
// that the phone signed, signed by the client's own identity key as well.
func checkConfirmation(answer *node, signed *waAdv.ADVSignedDeviceIdentity, identity []byte) error {
	if attrString(answer, "type") == "error" {
		e, _ := childOf(answer, "error")
		if e == nil {
			return ErrPairRefused
		}
		return fmt.Errorf("%w: %s %s", ErrPairRefused, attrString(e, "code"), attrString(e, "text"))
	}
	sign, ok := childOf(answer, "pair-device-sign", "device-identity")
	if !ok {
		return fmt.Errorf("%w: its answer holds no signed identity", ErrPairRefused)
	}
	var theirs waAdv.ADVSignedDeviceIdentity
	if err := proto.Unmarshal(contentBytes(sign), &theirs); err != nil {
		return fmt.Errorf("%w: %w", ErrPairRefused, err)
	}
	if string(theirs.GetDetails()) != string(signed.GetDetails()) || len(theirs.GetDeviceSignature()) != 64 {
		return fmt.Errorf("%w: it signed another identity", ErrPairRefused)
	}
	message := advPrefix(1, signed.GetDetails(), identity, signed.GetAccountSignatureKey())
	if !ecc.VerifySignature(ecc.NewDjbECPublicKey([32]byte(identity)), message, [64]byte(theirs.GetDeviceSignature())) {
		return fmt.Errorf("%w: its signature does not match its key", ErrPairRefused)
	}
	return nil
}

// newCompanion makes the device out of what the client registered with.
func (c *conn) newCompanion(a *account, number int) *device {
	reg := c.registration
	d := newDevice(a, number)
	d.noise = c.client
	d.keys = publicKeys{
		Registration: binary.BigEndian.Uint32(reg.GetERegid()),
		Identity:     [32]byte(reg.GetEIdent()),
		Signed:       publicKey{ID: keyID(reg.GetESkeyID()), Value: reg.GetESkeyVal()},
		Signature:    reg.GetESkeySig(),
	}
	var props waCompanionReg.DeviceProps
	if err := proto.Unmarshal(reg.GetDeviceProps(), &props); err == nil {
		d.platform = props.GetOs()
	}
	return d
}

// addDevice adds a companion to its account and tells the others.
func (s *Server) addDevice(ctx context.Context, d *device) error {
	a := d.account
	a.mu.Lock()
	a.devices[d.number] = d
	a.mu.Unlock()
	c := s.change()
	d.mu.Lock()
	d.save(c)
	d.mu.Unlock()
	s.notifyDevices(c, a, "add", d)
	c.then(func() { s.happened(DeviceLinked, a, detail(Detail{Device: d.number})) })
	return c.commit().wait(ctx)
}
