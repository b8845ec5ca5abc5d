package stream

import (
	"encoding/json"
	"fmt"

	"github.com/gorilla/websocket"
	lru "github.com/hashicorp/golang-lru/v2"

	"whatsapp-api/app/socketio"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// form is how a transport writes an event.
type form int

const (
	formEnvelope form = iota // WebSocket: the envelope as it is
	formEvents               // Server-Sent Events, without the id
	formSocketIO             // a packet of Socket.IO
)

// frame is an event as its transport sends it. It is shared, and never changed.
type frame struct {
	bytes  []byte
	socket *websocket.PreparedMessage // the same with its WebSocket header, if many get it
}

const (
	encodedEvents = 512      // in all forms together
	encodedBytes  = 32 << 10 // larger ones are encoded for each client
)

// encodings remembers the newest events as their transports send them: an event is encoded
// once, not once for each of its clients.
type encodings struct {
	known *lru.Cache[encoding, frame]
}

// encoding names an encoded event. The address of its data tells events of one seq apart when
// a log was deleted and began anew; it is not used again while the cache holds it.
type encoding struct {
	data *byte
	seq  int64
	form form
}

func newEncodings() *encodings {
	known, err := lru.New[encoding, frame](encodedEvents)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &encodings{known}
}

// in returns the function that encodes events in a form.
func (c *encodings) in(f form) func(store.Event) (frame, error) {
	return func(e store.Event) (frame, error) {
		if len(e.Data) == 0 || len(e.Data) > encodedBytes {
			return newFrame(e, f)
		}
		key := encoding{&e.Data[0], e.Seq, f}
		if known, ok := c.known.Get(key); ok {
			return known, nil
		}
		made, err := newFrame(e, f)
		if err == nil && f == formEnvelope {
			made.socket, err = websocket.NewPreparedMessage(websocket.TextMessage, made.bytes)
		}
		if err == nil {
			c.known.Add(key, made)
		}
		return made, err
	}
}

func newFrame(e store.Event, f form) (frame, error) {
	raw, err := encodeEvent(e, f)
	return frame{bytes: raw}, err
}

// socketMeta is an envelope without data.
type socketMeta struct {
	ID        string `json:"id"`
	Seq       int64  `json:"seq"`
	Event     string `json:"event"`
	SessionID string `json:"sessionId"`
	Timestamp any    `json:"timestamp"`
}

func encodeEvent(e store.Event, f form) ([]byte, error) {
	whole := convert.EventOf(e)
	if f != formSocketIO {
		raw, err := json.Marshal(whole)
		if err != nil {
			return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
		}
		if f == formEvents {
			raw = fmt.Appendf(nil, "event: %s\ndata: %s\n\n", e.Name, raw)
		}
		return raw, nil
	}
	data := map[string]json.RawMessage{}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	session, err := json.Marshal(e.SessionID)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	data["sessionId"] = session
	meta := socketMeta{ID: e.ID, Seq: e.Seq, Event: e.Name, SessionID: e.SessionID, Timestamp: whole.Timestamp}
	return socketio.Event(e.Name, data, meta)
}
