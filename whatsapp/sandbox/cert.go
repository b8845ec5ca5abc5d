package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCert"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// certLife is how long certificates are valid, in both directions from now:
// clients compare with their own clock.
const certLife = 10 * 365 * 24 * time.Hour

// serverKeys are what makes this server itself: they are made once and kept.
type serverKeys struct {
	Root         [32]byte `json:"root"`         // private key that clients trust through its public half
	Intermediate [32]byte `json:"intermediate"` // private key between root and static
	Static       [32]byte `json:"static"`       // private key of the Noise handshake
	CACert       []byte   `json:"caCert"`       // TLS authority, DER
	CAKey        []byte   `json:"caKey"`
}

func newServerKeys(root []byte) (*serverKeys, error) {
	k := &serverKeys{Intermediate: *keys.NewKeyPair().Priv, Static: *keys.NewKeyPair().Priv}
	switch len(root) {
	case 0:
		k.Root = *keys.NewKeyPair().Priv
	case 32:
		k.Root = clamp([32]byte(root))
	default:
		return nil, fmt.Errorf("root key has %d bytes, needs 32", len(root))
	}
	if err := k.makeAuthority(); err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	return k, nil
}

// clamp makes any 32 bytes a Curve25519 private key.
func clamp(k [32]byte) [32]byte {
	k[0] &= 248
	k[31] = k[31]&127 | 64
	return k
}

func (k *serverKeys) makeAuthority() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "WhatsApp sandbox authority"},
		NotBefore:             now.Add(-certLife),
		NotAfter:              now.Add(certLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	if k.CACert, err = x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private); err != nil {
		return err
	}
	k.CAKey, err = x509.MarshalECPrivateKey(private)
	return err
}

// tlsNames are the names that the server's certificate is good for: those that
// clients have built in, and this machine.
func tlsNames() []string {
	return []string{"web.whatsapp.com", "*.whatsapp.com", "*.whatsapp.net", "localhost"}
}

// tlsConfig makes a fresh server certificate, signed by the kept authority.
func (k *serverKeys) tlsConfig() (*tls.Config, error) {
	authority, err := x509.ParseCertificate(k.CACert)
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	authorityKey, err := x509.ParseECPrivateKey(k.CAKey)
	if err != nil {
		return nil, fmt.Errorf("read authority key: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "web.whatsapp.com"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(365 * 24 * time.Hour),
		DNSNames:     tlsNames(),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, &private.PublicKey, authorityKey)
	if err != nil {
		return nil, fmt.Errorf("sign server certificate: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, k.CACert}, PrivateKey: private}},
		MinVersion:   tls.VersionTLS12,
		// A websocket is upgraded from HTTP/1.1; HTTP/2 must not be offered.
		NextProtos: []string{"http/1.1"},
	}, nil
}

func (k *serverKeys) caPem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.CACert}))
}

// noiseChain makes the certificates that the handshake shows: root signs the
// intermediate key, the intermediate key signs the static key. Clients check
// the serial numbers against each other.
func (k *serverKeys) noiseChain() ([]byte, error) {
	root := ecc.NewDjbECPrivateKey(k.Root)
	intermediate := keys.NewKeyPairFromPrivateKey(k.Intermediate)
	static := keys.NewKeyPairFromPrivateKey(k.Static)
	middle, err := noiseCert(root, 1, 0, intermediate.Pub[:])
	if err != nil {
		return nil, err
	}
	leaf, err := noiseCert(ecc.NewDjbECPrivateKey(k.Intermediate), 2, 1, static.Pub[:])
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&waCert.CertChain{Leaf: leaf, Intermediate: middle})
}

func noiseCert(signer ecc.ECPrivateKeyable, serial, issuer uint32, key []byte) (*waCert.CertChain_NoiseCertificate, error) {
	now := time.Now()
	details, err := proto.Marshal(&waCert.CertChain_NoiseCertificate_Details{
		Serial:       proto.Uint32(serial),
		IssuerSerial: proto.Uint32(issuer),
		Key:          key,
		NotBefore:    proto.Uint64(uint64(now.Add(-certLife).Unix())),
		NotAfter:     proto.Uint64(uint64(now.Add(certLife).Unix())),
	})
	if err != nil {
		return nil, fmt.Errorf("encode handshake certificate: %w", err)
	}
	signature := ecc.CalculateSignature(signer, details)
	return &waCert.CertChain_NoiseCertificate{Details: details, Signature: signature[:]}, nil
}
