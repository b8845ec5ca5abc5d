package keys

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
)

// ErrStale says that a Signal session was changed, by a message that came in, between a
// send's reading it and its keeping it. Nothing was kept and nothing was sent: send again.
var ErrStale = errors.New("signal session changed during the send")

// WithSend returns the context to send one message with. Sessions that are read under it
// are remembered, and putting one of them fails with ErrStale when it has changed since:
// else the send would undo a decryption's ratchet step, or use a message key twice. Take a
// fresh one for every try.
//
// In whatsmeow, Client.SendMessage hands its context to encryptMessageForDevices, which
// reads all sessions with WithCachedSessions (GetManySessions), encrypts, and keeps them
// with PutCachedSessions (PutManySessions), without a lock that decryption knows. The
// context reaches both, an error of the latter ends the send before the stanza goes out,
// and it is wrapped with %w all the way for direct and group messages: errors.Is(err,
// ErrStale) holds. A group send has then moved its own sender key on by one message, which
// receivers skip. Peer messages (SendRequestExtra.Peer) use GetSession and PutSession with
// the same context and are not sent either, but preparePeerMessageNode wraps with %v: ask
// [Stale] there. Newsletter messages use no sessions.
//
// Answers to retry receipts (retry.go) and whatsmeow's own peer messages read and put
// sessions one by one on contexts of its own, outside the send lock. They are kept as they
// come: refusing them would lose the message, as whatsmeow acknowledges the receipt anyway.
func WithSend(ctx context.Context) context.Context {
	return context.WithValue(ctx, sendKey{}, &send{seen: map[string]sight{}})
}

// Stale says whether a put under this context, made by WithSend, was refused with
// ErrStale. It tells so also where the error was flattened to text on the way.
func Stale(ctx context.Context) bool {
	s := sendOf(ctx)
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stale
}

type sendKey struct{}

// send is what one send has seen.
type send struct {
	mu    sync.Mutex
	seen  map[string]sight
	stale bool
}

// sight is the digest of a session as it was seen; zero for none.
type sight [sha256.Size]byte

func sightOf(session []byte) sight {
	if session == nil {
		return sight{}
	}
	return sha256.Sum256(session)
}

func sendOf(ctx context.Context) *send {
	s, _ := ctx.Value(sendKey{}).(*send)
	return s
}

func (s *send) saw(address string, session []byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.seen[address] = sightOf(session)
	s.mu.Unlock()
}

// check returns ErrStale when the session at address is not as it was seen.
func (s *send) check(address string, now []byte) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen, ok := s.seen[address]; ok && seen != sightOf(now) {
		s.stale = true
		return ErrStale
	}
	return nil
}
