package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// follow runs one connection of a client again and again, until ctx ends. A stream that
// breaks is what the soak is about; what must never come is an error that is no break.
func follow(ctx context.Context, p *place, l *ledger, once func(context.Context) error) {
	for ctx.Err() == nil {
		err := once(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errBad) {
			l.violation("%s: %v", p.name, err)
		}
		p.broke()
		pause(ctx, 200*time.Millisecond)
	}
}

// errBad marks an answer that a client of the documents does not expect.
var errBad = errors.New("unexpected")

// wsClient follows all events over WebSocket and resumes after every break.
type wsClient struct {
	*place
	calls    *caller
	sessions []string
}

func (c *wsClient) once(ctx context.Context) error {
	conn, res, err := websocket.Dial(ctx, strings.Replace(c.calls.base, "http", "ws", 1)+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + c.calls.token}},
	})
	if err != nil {
		if res != nil && res.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("%w: handshake: %s", errBad, res.Status)
		}
		return err
	}
	defer func() { _ = conn.CloseNow() }() // whatever became of it
	conn.SetReadLimit(8 << 20)
	subscribe, err := json.Marshal(map[string]any{"type": "subscribe", "sessions": c.sessions, "after": c.after(c.sessions)})
	if err != nil {
		return err
	}
	if err := conn.Write(ctx, websocket.MessageText, subscribe); err != nil {
		return err
	}
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		var f struct {
			Type        string `json:"type"`
			Code        string `json:"code"`
			SessionID   string `json:"sessionId"`
			ResumeAfter int64  `json:"resumeAfter"`
			envelope
		}
		if err := json.Unmarshal(raw, &f); err != nil {
			return fmt.Errorf("%w: %w: %.200s", errBad, err, raw)
		}
		switch {
		case f.Type == "":
			var e envelope
			if err := json.Unmarshal(raw, &e); err != nil {
				return fmt.Errorf("%w: %w", errBad, err)
			}
			if err := c.take(e); err != nil {
				return fmt.Errorf("%w: %w", errBad, err)
			}
		case f.Type == "lagged":
			if last := c.after([]string{f.SessionID})[f.SessionID]; f.ResumeAfter != last {
				return fmt.Errorf("%w: lagged: told to resume after %d of %s, has %d", errBad, f.ResumeAfter, f.SessionID, last)
			}
		case f.Type == "error" && f.Code != storeAway && f.Code != "unavailable" && f.Code != "stopping":
			return fmt.Errorf("%w: %s", errBad, raw)
		case f.Type == "error":
			return errors.New(f.Code)
		}
	}
}
