package keys

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// tokenSent is the flag of a token whose SenderTimestamp is known.
const tokenSent = 1

// tokenHead is the length of format, flags, timestamp and sender timestamp, in seconds.
const tokenHead = 18

type privacyToken struct {
	flags    byte
	at, sent int64
	token    []byte
}

func decodeToken(raw []byte) (privacyToken, error) {
	if len(raw) < tokenHead || raw[0] != format1 {
		return privacyToken{}, fmt.Errorf("%w: privacy token", ErrCorrupt)
	}
	return privacyToken{
		flags: raw[1],
		at:    int64(binary.BigEndian.Uint64(raw[2:])),
		sent:  int64(binary.BigEndian.Uint64(raw[10:])),
		token: raw[tokenHead:],
	}, nil
}

func (t privacyToken) encode() []byte {
	raw := append(make([]byte, 0, tokenHead+len(t.token)), format1, t.flags)
	raw = binary.BigEndian.AppendUint64(raw, uint64(t.at))
	raw = binary.BigEndian.AppendUint64(raw, uint64(t.sent))
	return append(raw, t.token...)
}

// PutPrivacyTokens leaves a token with a later timestamp as it is, and keeps a known
// sender timestamp when the new token has none.
func (s stores) PutPrivacyTokens(ctx context.Context, tokens ...wastore.PrivacyToken) error {
	return bulk(ctx, s.d, tokens, func(c *change, part []wastore.PrivacyToken) error {
		for _, token := range part {
			key := token.User.ToNonAD().String()
			next := privacyToken{at: token.Timestamp.Unix(), token: token.Token}
			if !token.SenderTimestamp.IsZero() {
				next.flags, next.sent = tokenSent, token.SenderTimestamp.Unix()
			}
			raw, err := c.get(ctx, tableTokens, key)
			if err != nil {
				return err
			}
			if raw != nil {
				known, err := decodeToken(raw)
				if err != nil {
					return err
				}
				if known.at > next.at {
					continue
				}
				if next.flags&tokenSent == 0 {
					next.flags, next.sent = known.flags, known.sent
				}
			}
			c.set(tableTokens, key, next.encode())
		}
		return nil
	})
}

// GetPrivacyToken also looks under the other identity of the user and returns the newer
// token, or nil.
func (s stores) GetPrivacyToken(ctx context.Context, user types.JID) (*wastore.PrivacyToken, error) {
	who, err := s.d.identities(ctx, user)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(who))
	for i, jid := range who {
		names[i] = jid.String()
	}
	found, err := s.d.getMany(ctx, tableTokens, names)
	if err != nil {
		return nil, err
	}
	var newest *privacyToken
	for _, name := range names {
		raw, ok := found[name]
		if !ok {
			continue
		}
		t, err := decodeToken(raw)
		if err != nil {
			return nil, err
		}
		if newest == nil || t.at > newest.at {
			newest = &t
		}
	}
	if newest == nil {
		return nil, nil
	}
	out := &wastore.PrivacyToken{User: user.ToNonAD(), Token: newest.token, Timestamp: time.Unix(newest.at, 0)}
	if newest.flags&tokenSent != 0 {
		out.SenderTimestamp = time.Unix(newest.sent, 0)
	}
	return out, nil
}

// DeleteExpiredPrivacyTokens deletes those from before cutoff and says how many.
func (s stores) DeleteExpiredPrivacyTokens(ctx context.Context, cutoff time.Time) (int64, error) {
	return s.d.deleteOld(ctx, tableTokens, func(raw []byte) bool {
		t, err := decodeToken(raw)
		return err == nil && t.at < cutoff.Unix()
	})
}

// identities returns jid without device and, when known, the other identity of the same user.
func (d *Device) identities(ctx context.Context, jid types.JID) ([]types.JID, error) {
	jid = jid.ToNonAD()
	alt, err := d.altJID(ctx, jid)
	if err != nil {
		return nil, err
	}
	if alt.IsEmpty() {
		return []types.JID{jid}, nil
	}
	return []types.JID{jid, alt}, nil
}
