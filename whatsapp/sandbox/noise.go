package sandbox

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/util/keys"
	"golang.org/x/crypto/curve25519"
	"google.golang.org/protobuf/proto"
)

// noisePattern is exactly 32 bytes long, so the protocol uses it as the first
// hash without hashing it.
const noisePattern = "Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"

// noise is the symmetric state of one Noise XX handshake, seen from the server.
type noise struct {
	hash    []byte
	chain   []byte
	key     cipher.AEAD
	counter uint32
}

func newNoise(prologue []byte) (*noise, error) {
	start := []byte(noisePattern)
	key, err := newGCM(start)
	if err != nil {
		return nil, err
	}
	n := &noise{hash: start, chain: start, key: key}
	n.mixHash(prologue)
	return n, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// noiseIV is the nonce of message number n: eight zero bytes and n.
func noiseIV(n uint32) []byte {
	iv := make([]byte, 12)
	binary.BigEndian.PutUint32(iv[8:], n)
	return iv
}

func (n *noise) mixHash(data []byte) {
	h := sha256.New()
	h.Write(n.hash)
	h.Write(data)
	n.hash = h.Sum(nil)
}

// mixKey takes the secret shared by two keys into the chain and starts a new
// cipher, whose messages are counted from zero again.
func (n *noise) mixKey(private, public []byte) error {
	secret, err := curve25519.X25519(private, public)
	if err != nil {
		return fmt.Errorf("agree on a secret: %w", err)
	}
	out, err := hkdf.Key(sha256.New, secret, n.chain, "", 64)
	if err != nil {
		return fmt.Errorf("derive keys: %w", err)
	}
	if n.key, err = newGCM(out[32:]); err != nil {
		return err
	}
	n.chain, n.counter = out[:32], 0
	return nil
}

func (n *noise) seal(plaintext []byte) []byte {
	out := n.key.Seal(nil, noiseIV(n.counter), plaintext, n.hash)
	n.counter++
	n.mixHash(out)
	return out
}

func (n *noise) open(ciphertext []byte) ([]byte, error) {
	out, err := n.key.Open(nil, noiseIV(n.counter), ciphertext, n.hash)
	if err != nil {
		return nil, fmt.Errorf("open handshake part: %w", err)
	}
	n.counter++
	n.mixHash(ciphertext)
	return out, nil
}

// split ends the handshake: the first key is the client's writing key.
func (n *noise) split() (read, write cipher.AEAD, err error) {
	out, err := hkdf.Key(sha256.New, nil, n.chain, "", 64)
	if err != nil {
		return nil, nil, fmt.Errorf("derive transport keys: %w", err)
	}
	if read, err = newGCM(out[:32]); err != nil {
		return nil, nil, err
	}
	write, err = newGCM(out[32:])
	return read, write, err
}

// hello reads the client's first frame and makes the server's answer to it.
func (n *noise) hello(frame []byte, ephemeral, static *keys.KeyPair, chain []byte) ([]byte, error) {
	var msg waWa6.HandshakeMessage
	if err := proto.Unmarshal(frame, &msg); err != nil {
		return nil, fmt.Errorf("read client hello: %w", err)
	}
	theirs := msg.GetClientHello().GetEphemeral()
	if len(theirs) != 32 {
		return nil, fmt.Errorf("client hello has an ephemeral key of %d bytes", len(theirs))
	}
	n.mixHash(theirs)
	n.mixHash(ephemeral.Pub[:])
	if err := n.mixKey(ephemeral.Priv[:], theirs); err != nil {
		return nil, err
	}
	sealedStatic := n.seal(static.Pub[:])
	if err := n.mixKey(static.Priv[:], theirs); err != nil {
		return nil, err
	}
	return proto.Marshal(&waWa6.HandshakeMessage{ServerHello: &waWa6.HandshakeMessage_ServerHello{
		Ephemeral: ephemeral.Pub[:],
		Static:    sealedStatic,
		Payload:   n.seal(chain),
	}})
}

// finish reads the client's second frame: who it is and what it wants.
func (n *noise) finish(frame []byte, ephemeral *keys.KeyPair) (static [32]byte, payload *waWa6.ClientPayload, err error) {
	var msg waWa6.HandshakeMessage
	if err = proto.Unmarshal(frame, &msg); err != nil {
		return static, nil, fmt.Errorf("read client finish: %w", err)
	}
	theirs, err := n.open(msg.GetClientFinish().GetStatic())
	if err != nil {
		return static, nil, err
	}
	if len(theirs) != 32 {
		return static, nil, fmt.Errorf("client finish has a static key of %d bytes", len(theirs))
	}
	if err = n.mixKey(ephemeral.Priv[:], theirs); err != nil {
		return static, nil, err
	}
	plain, err := n.open(msg.GetClientFinish().GetPayload())
	if err != nil {
		return static, nil, err
	}
	payload = &waWa6.ClientPayload{}
	if err = proto.Unmarshal(plain, payload); err != nil {
		return static, nil, fmt.Errorf("read client payload: %w", err)
	}
	return [32]byte(theirs), payload, nil
}
