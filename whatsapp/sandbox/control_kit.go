package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// out is an answer with a body.
type out[T any] struct{ Body T }

func reply[T any](body T) *out[T] { return &out[T]{body} }

// list is the shape of all answers that are lists.
type list[T any] struct {
	Data []T `json:"data"`
}

// none is an answer without a body.
type none = struct{}

func done(err error) (*none, error) { return &none{}, err }

// get, post and remove add a route that answers 200, or 204 if there is nothing to say.
func get[In, Out any](c *control, path, summary string, fn func(context.Context, *In) (*Out, error)) {
	route(c, http.MethodGet, path, summary, 0, fn)
}

func post[In, Out any](c *control, path, summary string, fn func(context.Context, *In) (*Out, error)) {
	route(c, http.MethodPost, path, summary, 0, fn)
}

func remove[In, Out any](c *control, path, summary string, fn func(context.Context, *In) (*Out, error)) {
	route(c, http.MethodDelete, path, summary, 0, fn)
}

// create adds a route that answers 201.
func create[In, Out any](c *control, path, summary string, fn func(context.Context, *In) (*Out, error)) {
	route(c, http.MethodPost, path, summary, http.StatusCreated, fn)
}

// route adds a row of the table: what a request holds and what answers it are the types of fn. huma
// is kept from finding anything wrong itself, because it has one form of errors for the whole
// process, which is not that of these routes.
func route[In, Out any](c *control, method, path, summary string, status int, fn func(context.Context, *In) (*Out, error)) {
	op := huma.Operation{
		Method: method, Path: base + path, Summary: summary, DefaultStatus: status,
		OperationID: operationID(method, path), Tags: []string{chapter(path)},
		SkipValidateBody: true, SkipValidateParams: true,
		Responses: map[string]*huma.Response{"default": {
			Description: "What is wrong",
			Content:     map[string]*huma.MediaType{problemType: {Schema: c.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[refused](), true, "")}},
		}},
	}
	huma.Register(c.api, op, func(ctx context.Context, in *In) (*Out, error) {
		if checked, ok := any(in).(interface{ wrong() error }); ok {
			if err := checked.wrong(); err != nil {
				return nil, c.problemOf(ctx, err)
			}
		}
		answer, err := fn(ctx, in)
		if err != nil {
			return nil, c.problemOf(ctx, err)
		}
		return answer, nil
	})
}

// operationID names a route after its words: post-phones-phone-scan.
func operationID(method, path string) string {
	return strings.Trim(strings.ToLower(method)+strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path), "-")
}

// chapter is the first word of a path.
func chapter(path string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if word == "" {
		return "server"
	}
	return word
}

// body is a JSON body in which every field must be known. What is wrong with it is kept for route.
type body[T any] struct {
	V   T
	err error
}

func (b *body[T]) take(raw []byte) { b.err = decode(raw, &b.V) }

// Schema is that of the body itself.
func (*body[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// with is an input that is a body alone.
type with[T any] struct{ Body body[T] }

func (w *with[T]) wrong() error { return w.Body.err }

// decode reads JSON of which every field must be known.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	switch err := d.Decode(into); {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the body is empty, it should be JSON", errBadBody)
	case err != nil:
		return fmt.Errorf("%w: %w", errBadBody, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is something after the JSON", errBadBody)
	}
	return nil
}

// ofPhone is the input of a route that needs nothing but its phone.
type ofPhone struct {
	Phone string `path:"phone" doc:"Phone number, with or without +"`
}

// longestWait is how long a request may wait for something to come.
const longestWait = 60 * time.Second

// cursor is ?after= and ?wait=: what comes after that number, waiting so long if there is nothing yet.
type cursor struct {
	Phone string   `path:"phone" doc:"Phone number, with or without +"`
	After position `query:"after" doc:"Only what comes after this number"`
	Wait  longPoll `query:"wait" doc:"How long to wait if there is nothing yet"`

	query url.Values
}

// position and longPoll are read by cursor itself, see route.
type (
	position string // a number from 0
	longPoll string // seconds
)

// Schema says what position holds.
func (*position) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64)}
}

// Schema says what longPoll holds.
func (*longPoll) Schema(huma.Registry) *huma.Schema {
	most := longestWait.Seconds()
	return &huma.Schema{Type: huma.TypeNumber, Minimum: new(float64), Maximum: &most}
}

// Resolve takes all parameters that were given. It finds nothing wrong: see route.
func (c *cursor) Resolve(ctx huma.Context) []error {
	at := ctx.URL()
	c.query = at.Query()
	return nil
}

func (c *cursor) read() (after int, wait time.Duration, err error) {
	for name := range c.query {
		if name != "after" && name != "wait" {
			return 0, 0, fmt.Errorf("%w: there is no parameter %q", ErrInvalid, name)
		}
	}
	if c.After != "" {
		if after, err = strconv.Atoi(string(c.After)); err != nil || after < 0 {
			return 0, 0, fmt.Errorf("%w: after is a number from 0", ErrInvalid)
		}
	}
	if c.Wait != "" {
		seconds, err := strconv.ParseFloat(string(c.Wait), 64)
		if err != nil || !(seconds >= 0 && seconds <= longestWait.Seconds()) {
			return 0, 0, fmt.Errorf("%w: wait is a number of seconds from 0 to %g", ErrInvalid, longestWait.Seconds())
		}
		wait = time.Duration(seconds * float64(time.Second))
	}
	return after, wait, nil
}

// follow answers with what a phone has after a cursor.
func follow[T any](c *control, wait func(*Phone, context.Context, int, int) ([]T, error)) func(context.Context, *cursor) (*out[list[T]], error) {
	return func(ctx context.Context, in *cursor) (*out[list[T]], error) {
		p, err := c.Phone(in.Phone)
		if err != nil {
			return nil, err
		}
		after, patience, err := in.read()
		if err != nil {
			return nil, err
		}
		atLeast := 0
		if patience > 0 {
			atLeast = 1
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		stop := context.AfterFunc(c.ctx, cancel)
		defer stop()
		data, _ := wait(p, ctx, after, atLeast) // nothing having come is an answer too
		return reply(list[T]{Data: data}), nil
	}
}
