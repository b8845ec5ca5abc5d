package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"google.golang.org/protobuf/proto"
)

// vouch makes what a new companion shows to others: the phone's signature over
// the companion's identity key. The container proves to the companion itself,
// with the secret of its QR code, that it is really the scanning phone's.
//
// The signing key is also the phone's Signal identity: with another, clients
// would report that their own phone had been replaced.
func (p *Phone) vouch(device int, identity, secret []byte) (container []byte, signed *waAdv.ADVSignedDeviceIdentity, err error) {
	details, err := proto.Marshal(&waAdv.ADVDeviceIdentity{
		RawID:     proto.Uint32(p.record.RawID),
		Timestamp: proto.Uint64(uint64(p.server.now().Unix())),
		KeyIndex:  proto.Uint32(uint32(device)),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("encode device identity: %w", err)
	}
	account := p.signal.identity.PublicKey().PublicKey().PublicKey()
	signature := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(p.record.Identity), advPrefix(0, details, identity))
	signed = &waAdv.ADVSignedDeviceIdentity{
		Details: details, AccountSignatureKey: account[:], AccountSignature: signature[:],
	}
	inner, err := proto.Marshal(signed)
	if err != nil {
		return nil, nil, fmt.Errorf("encode signed identity: %w", err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(inner)
	container, err = proto.Marshal(&waAdv.ADVSignedDeviceIdentityHMAC{Details: inner, HMAC: mac.Sum(nil)})
	if err != nil {
		return nil, nil, fmt.Errorf("encode identity container: %w", err)
	}
	return container, signed, nil
}
