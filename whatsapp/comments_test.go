package whatsapp_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// sealedComment is what somebody comments on their own message, sealed with its secret.
func sealedComment(t *testing.T, secret []byte, id, by, text string) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, secret, nil, id+by+by+"Enc Comment", 32)
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	iv := make([]byte, gcm.NonceSize())
	raw, err := proto.Marshal(&waE2E.Message{EncCommentMessage: &waE2E.EncCommentMessage{
		TargetMessageKey: &waCommon.MessageKey{ID: &id, FromMe: proto.Bool(true)}, EncIV: iv, EncPayload: gcm.Seal(nil, iv, saying(t, text), nil),
	}})
	require.NoError(t, err)
	return raw
}

// TestASealedCommentThatWaited has a comment come before the message that it is on, which has the
// secret to open it, and another after it: each is a message that answers that one, once.
func TestASealedCommentThatWaited(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	secret := bytes.Repeat([]byte{7}, 32)
	comment := func(id, text string) {
		require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{
			To: p.Number(), Plain: sealedComment(t, secret, "TARGET", bob.LID(), text), Attrs: map[string]any{"id": id},
		}))
	}
	comment("COMMENT1", "early")
	require.Eventually(t, func() bool {
		list, err := r.store.Tasks().List(t.Context(), "shop", "act", 9)
		return err == nil && len(list) == 1
	}, 30*time.Second, 5*time.Millisecond)
	comment("COMMENT1", "early") // told twice
	raw, err := proto.Marshal(&waE2E.Message{
		Conversation: proto.String("what it is about"), MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: secret},
	})
	require.NoError(t, err)
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: raw, Attrs: map[string]any{"id": "TARGET"}}))
	comment("COMMENT2", "late")
	comment("COMMENT2", "late")
	r.left(bob.LID(), "early", "what it is about", "late")
	require.Eventually(t, func() bool {
		list, err := r.store.Tasks().List(t.Context(), "shop", "act", 9)
		return err == nil && len(list) == 0
	}, 30*time.Second, 5*time.Millisecond)
	r.left(bob.LID(), "early", "what it is about", "late")
	for _, id := range []string{"COMMENT1", "COMMENT2"} {
		m, err := r.store.Messages().Find(t.Context(), "shop", r.chatKeys("shop", bob.LID()), id)
		require.NoError(t, err)
		require.Equal(t, "TARGET", m.Quoted.ID)
		require.Equal(t, store.StatusReceived, m.Status)
	}
	require.Equal(t, 3, r.chats()[0].Unread)
	require.Len(t, events[whatsapp.MessagesData](r, whatsapp.EventNewMessages), 3)
}

// TestCommentsInAGroup has members comment on a message of the account and on one of another's.
func TestCommentsInAGroup(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob, carl := phone(t), phone(t)
	for _, addressing := range []string{"lid", "pn"} {
		g, err := world.NewGroup(t.Context(), sandbox.NewGroup{
			Subject: "Friends", Owner: bob.Number(), Participants: []string{carl.Number(), p.Number()}, Addressing: addressing,
		})
		require.NoError(t, err)
		before := len(carl.Messages(0))
		ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: g.ID, Text: "what do you think?"})
		require.NoError(t, err)
		_, err = carl.WaitMessages(t.Context(), before, 1)
		require.NoError(t, err)
		_, err = carl.Comment(t.Context(), g.ID, ids[0], "I like it")
		require.NoError(t, err)
		r.left(g.ID, "what do you think?", "I like it")
	}
}
