package deliver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"whatsapp-api/app/service"
)

// FuzzReplayPoint feeds from and to of a replay.
func FuzzReplayPoint(f *testing.F) {
	for _, seed := range []string{`1`, `1.0`, `-1`, `"2026-11-24T10:00:00Z"`, `"yesterday"`, `null`, `1e400`, `{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p *replayPoint
		err := json.Unmarshal(raw, &p)
		if err == nil && p != nil && p.Seq != 0 && !p.At.IsZero() {
			t.Fatal("both a time and a seq")
		}
		if err != nil && json.Valid(raw) && strings.Contains(err.Error(), "Go ") {
			t.Fatalf("the client is told of Go: %v", err)
		}
	})
}

// FuzzInbound feeds body, signature and address of posts of another service: only who has the
// secret, or posts from where it is allowed, gets in.
func FuzzInbound(f *testing.F) {
	f.Add([]byte(`{}`), "sha256=00", "127.0.0.1", "127.0.0.0/8")
	f.Add([]byte(``), "", "::1", "::/0")
	f.Add([]byte(`x`), "sha256=", "::ffff:10.0.0.1", "10.0.0.1")
	f.Fuzz(func(t *testing.T, body []byte, signature, address, network string) {
		const secret = "the secret of the other service"
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		good := hex.EncodeToString(mac.Sum(nil))
		signed := Inbound{Token: secret}
		if signed.signed(signature, body) == nil && !strings.EqualFold(strings.TrimPrefix(signature, "sha256="), good) {
			t.Fatal("a wrong signature got in")
		}
		if signed.admit(address) != nil || signed.signed("sha256="+good, body) != nil {
			t.Fatal("a right signature did not get in")
		}
		allowed, err := service.ParseNetworks([]string{network})
		if err == nil && (Inbound{Addresses: allowed}).admit(address) == nil {
			from, err := netip.ParseAddr(address)
			if err != nil || !from.IsValid() {
				t.Fatal("from nowhere")
			}
		}
		if (Inbound{}).admit(address) == nil {
			t.Fatal("it is off")
		}
	})
}
