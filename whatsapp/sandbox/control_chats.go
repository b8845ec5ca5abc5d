package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// setIn is the body of what a person sets for a chat.
type setIn struct {
	To string `json:"to"`
	On *bool  `json:"on"` // true if it is left out
}

// set answers a route that turns something on or off for a chat.
func (c *control) set(do func(*Phone, context.Context, string, bool) error) handler {
	return func(r *http.Request) (int, any, error) {
		p, err := c.target(r)
		if err != nil {
			return 0, nil, err
		}
		var in setIn
		if err := decode(r, &in); err != nil {
			return 0, nil, err
		}
		return done(do(p, r.Context(), in.To, in.On == nil || *in.On))
	}
}

func (c *control) mute(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		To      string `json:"to"`
		Seconds int    `json:"seconds"` // 0 lets it sound again; -1 is for ever
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	const most = 100 * 365 * 24 * 60 * 60
	if in.Seconds < -1 || in.Seconds > most {
		return 0, nil, fmt.Errorf("%w: seconds is between 0 and %d, or -1 for ever", ErrInvalid, most)
	}
	during := time.Duration(in.Seconds) * time.Second
	if in.Seconds == -1 {
		during = Forever
	}
	return done(p.Mute(r.Context(), in.To, during))
}

func (c *control) vote(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		To      string   `json:"to"`
		ID      string   `json:"id"`
		Options []string `json:"options"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	return created(p.Vote(r.Context(), in.To, in.ID, in.Options...))
}

func (c *control) postReceipt(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		To    string             `json:"to"`
		Type  string             `json:"type"`
		IDs   []string           `json:"ids"`
		Attrs map[string]*string `json:"attrs"` // null leaves one out; what is an address is sent as one
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	more := map[string]any{}
	for name, value := range in.Attrs {
		switch {
		case value == nil:
			more[name] = nil
		case strings.Contains(*value, "@"):
			jid, err := types.ParseJID(*value)
			if err != nil {
				return 0, nil, fmt.Errorf("%w: %s is no address: %w", ErrInvalid, name, err)
			}
			more[name] = jid
		default:
			more[name] = *value
		}
	}
	return done(p.Receipt(r.Context(), in.To, in.Type, in.IDs, more))
}
