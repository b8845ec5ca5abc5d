package keys

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
)

// How long the buffers remember.
const (
	bufferAge   = 14 * 24 * time.Hour // WhatsApp's server redelivers no longer
	outgoingAge = 7 * 24 * time.Hour
)

// maxPlain bounds a message, in bytes: each must fit into a unit of every back end. Those of
// WhatsApp's own clients are a few KB; a larger one counts as one that cannot be decrypted.
const maxPlain = 8 << 20

// Formats of a buffered event: one byte, the time of insertion in ms, the server's time in
// s, then the plaintext of an event that is not handled yet.
const (
	bufferPlain   = 1
	bufferHandled = 2
	bufferHead    = 17
)

func hashKey(hash [32]byte) string { return base64.RawURLEncoding.EncodeToString(hash[:]) }

func encodeBuffered(plaintext []byte, inserted, server time.Time) []byte {
	raw := make([]byte, 1, bufferHead+len(plaintext))
	raw[0] = bufferPlain
	if plaintext == nil {
		raw[0] = bufferHandled
	}
	raw = binary.BigEndian.AppendUint64(raw, uint64(inserted.UnixMilli()))
	raw = binary.BigEndian.AppendUint64(raw, uint64(server.Unix()))
	return append(raw, plaintext...)
}

func decodeBuffered(raw []byte) (*wastore.BufferedEvent, error) {
	if len(raw) < bufferHead || (raw[0] != bufferPlain && raw[0] != bufferHandled) {
		return nil, fmt.Errorf("%w: buffered event", ErrCorrupt)
	}
	event := &wastore.BufferedEvent{
		InsertTime: time.UnixMilli(int64(binary.BigEndian.Uint64(raw[1:]))),
		ServerTime: time.Unix(int64(binary.BigEndian.Uint64(raw[9:])), 0),
	}
	if raw[0] == bufferPlain {
		event.Plaintext = raw[bufferHead:]
	}
	return event, nil
}

// handledValue is a buffered event without its plaintext.
func handledValue(raw []byte) []byte {
	out := append(make([]byte, 0, bufferHead), raw[:bufferHead]...)
	out[0] = bufferHandled
	return out
}

// GetBufferedEvent returns nil for a ciphertext that was not decrypted yet, an event with
// nil plaintext for one that was handled. whatsmeow asks it at the begin of every decryption.
func (s stores) GetBufferedEvent(ctx context.Context, hash [32]byte) (*wastore.BufferedEvent, error) {
	key := hashKey(hash)
	if err := s.d.knowBuffer(ctx); err != nil {
		return nil, err
	}
	c := cell{tableBuffer, key}
	s.d.mu.Lock()
	s.d.decrypting = key
	if _, ok := s.d.layered(c, nil); !ok && s.d.known && !s.d.buffer.has(hash) {
		s.d.cache.add(c, nil) // surely not there
	}
	s.d.mu.Unlock()
	raw, err := s.d.get(ctx, tableBuffer, key)
	if err != nil || raw == nil {
		return nil, err
	}
	return decodeBuffered(raw)
}

// PutBufferedEvent returns [store.ErrExists] for a ciphertext that is buffered already, and
// [store.ErrTooLarge] for what could never be kept.
func (s stores) PutBufferedEvent(ctx context.Context, hash [32]byte, plaintext []byte, serverTime time.Time) error {
	if len(plaintext) > maxPlain {
		return fmt.Errorf("buffered event of %d bytes: %w", len(plaintext), store.ErrTooLarge)
	}
	return s.d.update(ctx, deferred, func(c *change) error {
		known, err := c.get(ctx, tableBuffer, hashKey(hash))
		if err != nil {
			return err
		}
		if known != nil {
			return fmt.Errorf("buffered event: %w", store.ErrExists)
		}
		c.set(tableBuffer, hashKey(hash), encodeBuffered(plaintext, s.d.now(), serverTime))
		return nil
	})
}

// ClearBufferedEventPlaintext costs nothing after CommitReceived.
func (s stores) ClearBufferedEventPlaintext(ctx context.Context, hash [32]byte) error {
	return s.d.update(ctx, deferred, func(c *change) error {
		raw, err := c.get(ctx, tableBuffer, hashKey(hash))
		if err != nil || len(raw) < bufferHead || raw[0] == bufferHandled {
			return err
		}
		c.set(tableBuffer, hashKey(hash), handledValue(raw))
		return nil
	})
}

// settles returns the write that makes the buffered event handled which was decrypted last,
// when the server's time of it is at, and what it is before; else nil. The caller holds d.mu.
func (d *Device) settles(at time.Time) (now, was *write) {
	if at.IsZero() || d.decrypting == "" {
		return nil, nil
	}
	c := cell{tableBuffer, d.decrypting}
	raw, _ := d.layered(c, nil)
	if len(raw) < bufferHead || raw[0] != bufferPlain || int64(binary.BigEndian.Uint64(raw[9:])) != at.Unix() {
		return nil, nil
	}
	return &write{c, handledValue(raw)}, &write{c, raw}
}

// DeleteOldBufferedHashes forgets ciphertexts that are not delivered again any more.
func (s stores) DeleteOldBufferedHashes(ctx context.Context) error {
	_, err := s.d.deleteOld(ctx, tableBuffer, func(raw []byte) bool {
		return len(raw) >= bufferHead && s.d.olderThan(raw[1:9], bufferAge)
	})
	return err
}

func (d *Device) olderThan(ms []byte, age time.Duration) bool {
	return int64(binary.BigEndian.Uint64(ms)) < d.now().Add(-age).UnixMilli()
}

// deleteOld deletes the values of table that are old, part by part, and says how many.
func (d *Device) deleteOld(ctx context.Context, table string, old func(raw []byte) bool) (int64, error) {
	deleted, after := int64(0), ""
	for {
		var found []string
		err := d.each(ctx, d.txn(ctx), table, "", after, func(key string, raw []byte) bool {
			if old(raw) {
				found = append(found, key)
			}
			return len(found) < bulkPart
		})
		if err != nil || len(found) == 0 {
			return deleted, err
		}
		how := deferred
		if len(found) == bulkPart {
			how = strict
		}
		err = d.update(ctx, how, func(c *change) error {
			still, err := c.getMany(ctx, table, found)
			for key, raw := range still {
				if old(raw) { // it may have been written anew
					c.delete(table, key)
					deleted++
				}
			}
			return err
		})
		if err != nil || len(found) < bulkPart {
			return deleted, err
		}
		after = found[len(found)-1]
	}
}

func outgoingKey(chat types.JID, id types.MessageID) string { return joinKey(chat.String(), id) }

// AddOutgoingEvent keeps a sent message for those who ask for it again.
func (s stores) AddOutgoingEvent(ctx context.Context, chat types.JID, id types.MessageID, format string, plaintext []byte) error {
	raw := append(make([]byte, 0, 10+len(format)+len(plaintext)), format1)
	raw = binary.BigEndian.AppendUint64(raw, uint64(s.d.now().UnixMilli()))
	raw = appendBytes(raw, []byte(format))
	raw = append(raw, plaintext...)
	return s.d.update(ctx, deferred, func(c *change) error {
		c.set(tableOutgoing, outgoingKey(chat, id), raw)
		return nil
	})
}

// GetOutgoingEvent returns [store.ErrNotFound] for a message that is not kept.
func (s stores) GetOutgoingEvent(ctx context.Context, chat, altChat types.JID, id types.MessageID) (string, []byte, error) {
	names := []string{outgoingKey(chat, id)}
	if !altChat.IsEmpty() {
		names = append(names, outgoingKey(altChat, id))
	}
	found, err := s.d.getMany(ctx, tableOutgoing, names)
	if err != nil {
		return "", nil, err
	}
	for _, name := range names {
		raw, ok := found[name]
		if !ok {
			continue
		}
		if len(raw) < 9 || raw[0] != format1 {
			return "", nil, fmt.Errorf("%w: outgoing message", ErrCorrupt)
		}
		format, plaintext, err := cutBytes(raw[9:])
		return string(format), plaintext, err
	}
	return "", nil, fmt.Errorf("outgoing message: %w", store.ErrNotFound)
}

func (s stores) DeleteOldOutgoingEvents(ctx context.Context) error {
	_, err := s.d.deleteOld(ctx, tableOutgoing, func(raw []byte) bool {
		return len(raw) >= 9 && s.d.olderThan(raw[1:9], outgoingAge)
	})
	return err
}

// appendBytes appends b with its length.
func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// cutBytes cuts off what appendBytes appended.
func cutBytes(raw []byte) (b, rest []byte, err error) {
	n, head := binary.Uvarint(raw)
	if head <= 0 || uint64(len(raw)-head) < n {
		return nil, nil, fmt.Errorf("%w: length", ErrCorrupt)
	}
	return raw[head : head+int(n)], raw[head+int(n):], nil
}
