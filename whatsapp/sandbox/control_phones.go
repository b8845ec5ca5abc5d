package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// phoneOut is a phone as the control routes show it.
type phoneOut struct {
	Phone   string `json:"phone"`
	LID     string `json:"lid"`
	Name    string `json:"name"`
	Devices []int  `json:"devices"` // linked companions
}

func outPhone(p *Phone) phoneOut {
	return phoneOut{Phone: p.Number(), LID: p.LID(), Name: p.Name(), Devices: p.Devices()}
}

func (c *control) target(r *http.Request) (*Phone, error) { return c.Phone(r.PathValue("phone")) }

func (c *control) getPhones(*http.Request) (int, any, error) {
	out := list[phoneOut]{Data: []phoneOut{}}
	for _, p := range c.Phones() {
		out.Data = append(out.Data, outPhone(p))
	}
	return http.StatusOK, out, nil
}

func (c *control) getPhone(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, outPhone(p), nil
}

func (c *control) postPhone(r *http.Request) (int, any, error) {
	var in struct {
		Phone string `json:"phone"`
		Name  string `json:"name"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	if len(in.Name) > 100 {
		return 0, nil, fmt.Errorf("%w: name is longer than 100 bytes", ErrInvalid)
	}
	p, err := c.NewPhone(in.Phone, in.Name)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, outPhone(p), nil
}

// scanTime is how long a client may take to confirm a link.
const scanTime = 30 * time.Second

func (c *control) scan(r *http.Request) (int, any, error) {
	var in struct {
		QR string `json:"qr"`
	}
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), scanTime)
	defer cancel()
	device, err := p.Scan(ctx, in.QR)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]int{"device": device}, nil
}

func (c *control) postMessages(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in Outgoing
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	ids, err := p.Send(r.Context(), in)
	if err != nil {
		return 0, nil, err
	}
	if in.Count > 1 {
		return http.StatusCreated, map[string][]string{"ids": ids}, nil
	}
	return http.StatusCreated, map[string]string{"id": ids[0]}, nil
}

// cursor reads ?after= and ?wait= (in seconds): what comes after that number,
// waiting so long if there is nothing yet.
func cursor(r *http.Request) (after int, wait time.Duration, err error) {
	query := r.URL.Query()
	for name := range query {
		if name != "after" && name != "wait" {
			return 0, 0, fmt.Errorf("%w: there is no parameter %q", ErrInvalid, name)
		}
	}
	if text := query.Get("after"); text != "" {
		if after, err = strconv.Atoi(text); err != nil || after < 0 {
			return 0, 0, fmt.Errorf("%w: after is a number from 0", ErrInvalid)
		}
	}
	if text := query.Get("wait"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds >= 0 && seconds <= longestWait.Seconds()) {
			return 0, 0, fmt.Errorf("%w: wait is a number of seconds from 0 to %g", ErrInvalid, longestWait.Seconds())
		}
		wait = time.Duration(seconds * float64(time.Second))
	}
	return after, wait, nil
}

// follow answers with what a phone has after a cursor.
func follow[T any](c *control, r *http.Request, wait func(*Phone, context.Context, int, int) ([]T, error)) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	after, patience, err := cursor(r)
	if err != nil {
		return 0, nil, err
	}
	atLeast := 0
	if patience > 0 {
		atLeast = 1
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	stop := context.AfterFunc(c.ctx, cancel)
	defer stop()
	data, _ := wait(p, ctx, after, atLeast) // nothing having come is an answer too
	return http.StatusOK, list[T]{Data: data}, nil
}

func (c *control) getMessages(r *http.Request) (int, any, error) {
	return follow(c, r, (*Phone).WaitMessages)
}

func (c *control) getReceipts(r *http.Request) (int, any, error) {
	return follow(c, r, (*Phone).WaitReceipts)
}

func (c *control) getTyping(r *http.Request) (int, any, error) {
	return follow(c, r, (*Phone).WaitTyping)
}

// actIn is the body of everything that a person does in a chat.
type actIn struct {
	To    string   `json:"to"`
	ID    string   `json:"id"`
	IDs   []string `json:"ids"`
	Emoji string   `json:"emoji"`
	Text  string   `json:"text"`
	State string   `json:"state"`
	// Secret edits as newer phones do.
	Secret bool `json:"secret"`
}

// act reads the body and refuses fields that this act does not have.
func (c *control) act(r *http.Request, fields ...string) (*Phone, actIn, error) {
	var in actIn
	p, err := c.target(r)
	if err != nil {
		return nil, in, err
	}
	if err := decode(r, &in); err != nil {
		return nil, in, err
	}
	given := map[string]bool{"id": in.ID != "", "ids": in.IDs != nil, "emoji": in.Emoji != "", "text": in.Text != "", "state": in.State != "", "secret": in.Secret}
	for _, f := range fields {
		delete(given, f)
	}
	for name, is := range given {
		if is {
			return nil, in, fmt.Errorf("%w: %s is not a field of this request", ErrInvalid, name)
		}
	}
	return p, in, nil
}

func created(id string, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, map[string]string{"id": id}, nil
}

func done(err error) (int, any, error) { return http.StatusNoContent, nil, err }

func (c *control) read(r *http.Request) (int, any, error) {
	p, in, err := c.act(r, "id", "ids")
	if err != nil {
		return 0, nil, err
	}
	if in.ID != "" {
		in.IDs = append(in.IDs, in.ID)
	}
	return done(p.Read(r.Context(), in.To, in.IDs...))
}

func (c *control) react(r *http.Request) (int, any, error) {
	p, in, err := c.act(r, "id", "emoji")
	if err != nil {
		return 0, nil, err
	}
	return created(p.React(r.Context(), in.To, in.ID, in.Emoji))
}

func (c *control) edit(r *http.Request) (int, any, error) {
	p, in, err := c.act(r, "id", "text", "secret")
	if err != nil {
		return 0, nil, err
	}
	if in.Secret {
		return created(p.EditSecretly(r.Context(), in.To, in.ID, in.Text))
	}
	return created(p.Edit(r.Context(), in.To, in.ID, in.Text))
}

func (c *control) revoke(r *http.Request) (int, any, error) {
	p, in, err := c.act(r, "id")
	if err != nil {
		return 0, nil, err
	}
	return created(p.Revoke(r.Context(), in.To, in.ID))
}

func (c *control) typing(r *http.Request) (int, any, error) {
	p, in, err := c.act(r, "state")
	if err != nil {
		return 0, nil, err
	}
	return done(p.SetTyping(in.To, in.State))
}

func (c *control) presence(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Available *bool `json:"available"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Available == nil {
		return 0, nil, fmt.Errorf("%w: available is missing", ErrInvalid)
	}
	p.SetPresence(*in.Available)
	return done(nil)
}

func (c *control) logout(r *http.Request) (int, any, error) {
	p, err := c.target(r)
	if err != nil {
		return 0, nil, err
	}
	number, err := strconv.Atoi(r.PathValue("device"))
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %q", ErrNoDevice, r.PathValue("device"))
	}
	return done(p.LogoutDevice(number))
}
