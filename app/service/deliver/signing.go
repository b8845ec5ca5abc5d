package deliver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"whatsapp-api/store"
)

// rotation is how long the secret before the current one still signs, so that a receiver can
// be changed over without missing anything.
const rotation = 24 * time.Hour

// newSecret makes a webhook's secret. All of its text is the key of the HMAC.
func newSecret() string {
	var raw [32]byte
	rand.Read(raw[:]) // never fails, see crypto/rand
	return "whsec_" + base64.RawURLEncoding.EncodeToString(raw[:])
}

// rotate puts a fresh secret before those that are still good.
func rotate(secrets []store.WebhookSecret, fresh string, at time.Time) []store.WebhookSecret {
	next := []store.WebhookSecret{{Value: fresh}}
	for _, s := range valid(secrets, at) {
		if s.Until.IsZero() {
			s.Until = at.Add(rotation)
		}
		next = append(next, s)
	}
	return next[:min(len(next), 3)] // who rotates again and again has the newest
}

// valid are the secrets that still sign.
func valid(secrets []store.WebhookSecret, at time.Time) (good []store.WebhookSecret) {
	for _, s := range secrets {
		if s.Until.IsZero() || s.Until.After(at) {
			good = append(good, s)
		}
	}
	return good
}

// sign adds the signatures of body to a request's header: X-Hub-Signature-256 as GitHub and
// Meta have it, with the current secret, and X-Webhook-Signature, which has the time in it
// against replays and one v1 for each secret that is good.
func sign(h http.Header, secrets []store.WebhookSecret, at time.Time, body []byte) {
	stamp := fmt.Sprint(at.Unix())
	parts := []string{"t=" + stamp}
	for i, s := range valid(secrets, at) {
		if i == 0 {
			h.Set("X-Hub-Signature-256", "sha256="+mac(s.Value, body))
		}
		parts = append(parts, "v1="+mac(s.Value, []byte(stamp+"."), body))
	}
	h.Set("X-Webhook-Signature", strings.Join(parts, ","))
}

func mac(secret string, parts ...[]byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	for _, p := range parts {
		m.Write(p)
	}
	return hex.EncodeToString(m.Sum(nil))
}
