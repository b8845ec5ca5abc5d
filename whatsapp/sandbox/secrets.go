package sandbox

import (
	"crypto/rand"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/gcmutil"
	"go.mau.fi/whatsmeow/util/hkdfutil"
)

// Words that keep the keys apart which are made of one message's secret.
const (
	forVote    = "Poll Vote"
	forEdit    = "Message Edit"
	forAnswer  = "Event Response"
	forComment = "Enc Comment"
)

// keepSecret gives a message the secret that phones give each: with it, votes, secret edits and
// the like are encrypted later. One that has a secret keeps it.
func keepSecret(m *waE2E.Message) {
	if m.MessageContextInfo == nil {
		m.MessageContextInfo = &waE2E.MessageContextInfo{}
	}
	if len(m.MessageContextInfo.MessageSecret) == 0 {
		m.MessageContextInfo.MessageSecret = random(32)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// seal encrypts what is about an earlier message with that message's secret. author wrote that
// message, actor writes now; both in the form of address that the chat has on the wire.
func seal(use string, target *waE2E.Message, id string, author, actor types.JID, plain []byte) (sealed, iv []byte, err error) {
	secret := target.GetMessageContextInfo().GetMessageSecret()
	if len(secret) == 0 {
		return nil, nil, fmt.Errorf("%w: message %s has no secret", ErrInvalid, id)
	}
	key := hkdfutil.SHA256(secret, nil, []byte(id+author.String()+actor.String()+use), 32)
	var bound []byte
	if use == forVote || use == forAnswer {
		bound = []byte(id + "\x00" + actor.String())
	}
	iv = random(12)
	if sealed, err = gcmutil.Encrypt(key, iv, plain, bound); err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, iv, nil
}
