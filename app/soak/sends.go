package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// storeAway is the code of every 503 that the store is the reason of.
const storeAway = "store_unavailable"

// ownedElsewhere is the code for a session that another server runs, or a killed one until its lease is over.
const ownedElsewhere = "owned_elsewhere"

// moved is the code for a request that another server has taken the session from.
const moved = "session_moved"

// mayRetry are the answers to a send after which a client asks again with the same key.
var mayRetry = map[int][]string{
	http.StatusServiceUnavailable: {storeAway, "unavailable", "stopping", ownedElsewhere, moved},
	http.StatusGatewayTimeout:     {"send_unconfirmed"},
	http.StatusConflict:           {"idempotency_key_running", "session_offline"},
}

// sending has a session write to a contact of its own, one message after the other, until
// ctx ends. A message that was begun is brought to its end.
func (s *soak) sending(ctx context.Context, from *session, to string) error {
	every := time.Duration(float64(time.Second) * float64(len(s.sessions)) / s.o.sends)
	for n := 1; ; n++ {
		text := fmt.Sprintf("letter %d of %s to %s", n, from.id, to)
		m, err := s.send(s.life, from.id, to, fmt.Sprintf("%s-%s-%d", from.id, to, n), text)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		s.ledger.sent(chatKey{from.id, to}, outbound{m.ID, text})
		if !pause(ctx, every) {
			return nil
		}
	}
}

// send asks until it is answered for, always with the same key.
func (s *soak) send(ctx context.Context, session, to, key, text string) (m message, err error) {
	body := map[string]string{"to": to, "text": text}
	began := time.Now()
	for {
		a, err := s.gateway.calls.ask(ctx, "POST", "/api/v1/messages/sessions/"+session+"/send/message", body, "Idempotency-Key", key)
		switch {
		case err != nil: // no answer: killed, or cut
		case a.status == http.StatusCreated:
			if err := json.Unmarshal(a.body, &m); err != nil {
				return m, err
			}
			if m.Text != text || !m.FromMe || m.Status == "queued" || m.Status == "failed" {
				s.ledger.violation("a send of %s was answered with %s", session, a.body)
			}
			return m, nil
		case !slices.Contains(mayRetry[a.status], a.code):
			s.ledger.violation("a send of %s was answered with %d: %s", session, a.status, a.body)
		}
		if ctx.Err() != nil {
			return m, ctx.Err()
		}
		if time.Since(began) > 2*patience {
			return m, errors.Join(errors.New("never answered for"), err, fmt.Errorf("last: %d %s", a.status, a.body))
		}
		pause(ctx, 200*time.Millisecond)
	}
}
