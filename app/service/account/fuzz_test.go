package account

import (
	"net/netip"
	"strings"
	"testing"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// FuzzNames feeds what people call things, and emails.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"Ana", "ana@example.com", " ", "\u202e", "a\r\nb@c", "\"x\"@y", "é@ñ", strings.Repeat("a", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if service.CheckName(text) == "" && strings.ContainsAny(text, "\r\n\x00\x1b") {
			t.Fatalf("name %q", text)
		}
		email := NormalEmail(text)
		if NormalEmail(email) != email {
			t.Fatalf("%q is normal and then %q", email, NormalEmail(email))
		}
		if checkEmail(email) == "" && strings.ContainsAny(email, "\r\n\x00") {
			t.Fatalf("email %q", email)
		}
	})
}

// FuzzKeyAddresses feeds the networks of an API key, and addresses: a key lets in who is in one of
// its networks and nobody else, and none at all with an empty list.
func FuzzKeyAddresses(f *testing.F) {
	for _, seed := range [][2]string{
		{"10.0.0.0/8", "10.1.2.3"},
		{"::ffff:10.0.0.0/104", "10.1.2.3"},
		{"10.0.0.0/8", "::ffff:10.1.2.3"},
		{"0.0.0.0/0", "::1"},
		{"::/0", "127.0.0.1"},
		{"fe80::/10", "fe80::1%eth0"},
		{"10.0.0.1", "10.0.0.1"},
		{"10.0.0.0/33", "10.0.0.0"},
		{"010.0.0.0/8", "8.0.0.1"},
		{"", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	keys := NewKeys(nil, nil, nil)
	f.Fuzz(func(t *testing.T, network, address string) {
		var key store.APIKey
		refused := keys.apply(&key, KeySpec{Addresses: &[]string{network}}) != nil
		p, err := netip.ParsePrefix(network)
		if refused != (err != nil) {
			t.Fatalf("%q: refused %v, but %v", network, refused, err)
		}
		if refused {
			key.Addresses = []string{network} // of an older version
		}
		ip, err := netip.ParseAddr(address)
		inside := err == nil && p.IsValid() && p.Contains(ip.Unmap())
		if (service.Caller{Key: &key}).MayFrom(address) != inside {
			t.Fatalf("%q from %q: inside is %v", network, address, inside)
		}
		if (service.Caller{Key: &store.APIKey{Addresses: []string{}}}).MayFrom(address) {
			t.Fatal("no network, and yet let in")
		}
	})
}
