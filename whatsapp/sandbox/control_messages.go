package sandbox

import (
	"context"
	"net/http"
)

func (c *control) answer(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		To     string `json:"to"`
		ID     string `json:"id"`
		Answer string `json:"answer"` // yes, no or maybe
		Guests int    `json:"guests"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	return created(p.Answer(r.Context(), in.To, in.ID, in.Answer, in.Guests))
}

func (c *control) comment(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		To   string `json:"to"`
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	return created(p.Comment(r.Context(), in.To, in.ID, in.Text))
}

func (c *control) star(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		To string `json:"to"`
		ID string `json:"id"`
		On bool   `json:"on"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	return done(p.Star(r.Context(), in.To, in.ID, in.On))
}

func (c *control) deleteForMe(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		To string `json:"to"`
		ID string `json:"id"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	return done(p.DeleteForMe(r.Context(), in.To, in.ID))
}

// ofChat answers a route that needs nothing but the chat.
func (c *control) ofChat(act func(*Phone, context.Context, string) error) handler {
	return func(r *http.Request) (int, any, error) {
		p, err := c.target(r)
		if err != nil {
			return 0, nil, err
		}
		var in struct {
			To string `json:"to"`
		}
		if err := decode(r, &in); err != nil {
			return 0, nil, err
		}
		return done(act(p, r.Context(), in.To))
	}
}
