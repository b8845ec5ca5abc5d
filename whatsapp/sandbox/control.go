package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// maxBody is the largest request body of the control routes.
const maxBody = 1 << 20

// control is the HTTP face of a Server.
type control struct {
	*Server
	mux *http.ServeMux
}

// handler answers one route: a status and what becomes its JSON, or an error.
type handler func(r *http.Request) (int, any, error)

// Control is the routes under /sandbox. They need no key, so they answer only
// to this machine: by the address of the caller, by the name it calls us (a
// foreign name resolved to loopback is refused), and never to a web page of
// another origin.
func (s *Server) Control() http.Handler {
	c := &control{Server: s, mux: http.NewServeMux()}
	for pattern, h := range c.routes() {
		c.mux.HandleFunc(pattern, c.serve(h))
	}
	c.mux.HandleFunc("/", c.unknown)
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, errCrossOrigin)
	}))
	inner := guard.Handler(c.mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromLoopback(r) {
			c.fail(w, r, errForeign)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func (c *control) routes() map[string]handler {
	return map[string]handler{
		"GET /sandbox":           c.getInfo,
		"GET /sandbox/stats":     c.getStats,
		"GET /sandbox/faults":    c.getFaults,
		"POST /sandbox/faults":   c.postFaults,
		"DELETE /sandbox/faults": c.deleteFaults,

		"GET /sandbox/phones":                  c.getPhones,
		"POST /sandbox/phones":                 c.postPhone,
		"GET /sandbox/phones/{phone}":          c.getPhone,
		"POST /sandbox/phones/{phone}/scan":    c.scan,
		"GET /sandbox/phones/{phone}/messages": c.getMessages,
		"GET /sandbox/phones/{phone}/receipts": c.getReceipts,
		"GET /sandbox/phones/{phone}/typing":   c.getTyping,

		"GET /sandbox/groups":                  c.getGroups,
		"POST /sandbox/groups":                 c.postGroup,
		"GET /sandbox/groups/{group}":          c.getGroup,
		"POST /sandbox/groups/{group}/add":     c.changeGroup("add"),
		"POST /sandbox/groups/{group}/remove":  c.changeGroup("remove"),
		"POST /sandbox/groups/{group}/promote": c.changeGroup("promote"),
		"POST /sandbox/groups/{group}/demote":  c.changeGroup("demote"),
		"POST /sandbox/groups/{group}/leave":   c.changeGroup("leave"),
		"POST /sandbox/groups/{group}/subject": c.renameGroup,

		"POST /sandbox/phones/{phone}/messages":                c.postMessages,
		"POST /sandbox/phones/{phone}/read":                    c.read,
		"POST /sandbox/phones/{phone}/react":                   c.react,
		"POST /sandbox/phones/{phone}/edit":                    c.edit,
		"POST /sandbox/phones/{phone}/revoke":                  c.revoke,
		"POST /sandbox/phones/{phone}/vote":                    c.vote,
		"POST /sandbox/phones/{phone}/answer":                  c.answer,
		"POST /sandbox/phones/{phone}/comment":                 c.comment,
		"POST /sandbox/phones/{phone}/star":                    c.star,
		"POST /sandbox/phones/{phone}/delete-for-me":           c.deleteForMe,
		"POST /sandbox/phones/{phone}/clear-chat":              c.ofChat((*Phone).ClearChat),
		"POST /sandbox/phones/{phone}/delete-chat":             c.ofChat((*Phone).DeleteChat),
		"POST /sandbox/phones/{phone}/receipts":                c.postReceipt,
		"POST /sandbox/phones/{phone}/archive":                 c.set((*Phone).Archive),
		"POST /sandbox/phones/{phone}/pin":                     c.set((*Phone).Pin),
		"POST /sandbox/phones/{phone}/mark-read":               c.set((*Phone).MarkRead),
		"POST /sandbox/phones/{phone}/mute":                    c.mute,
		"POST /sandbox/phones/{phone}/typing":                  c.typing,
		"POST /sandbox/phones/{phone}/presence":                c.presence,
		"POST /sandbox/phones/{phone}/devices/{device}/logout": c.logout,
	}
}

func (c *control) getInfo(*http.Request) (int, any, error) { return http.StatusOK, c.Info(), nil }

func (c *control) getStats(*http.Request) (int, any, error) { return http.StatusOK, c.Stats(), nil }

// fromLoopback is about the caller's address and about the name it used.
func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return false
	}
	name := r.Host
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

func (c *control) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		status, body, err := h(r)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		if body == nil {
			w.WriteHeader(status)
			return
		}
		c.write(w, "application/json", status, body)
	}
}

func (c *control) write(w http.ResponseWriter, kind string, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		c.log.Error("answer cannot be encoded", zap.Error(err))
		status, raw = http.StatusInternalServerError, []byte(`{}`)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the caller may be gone
}

// decode reads a JSON body of which every field must be known.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			return err
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: the body is empty, it should be JSON", errBadBody)
		}
		return fmt.Errorf("%w: %w", errBadBody, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is something after the JSON", errBadBody)
	}
	return nil
}

var (
	errBadBody     = errors.New("the body cannot be read")
	errForeign     = errors.New("the sandbox answers to this machine only")
	errCrossOrigin = errors.New("the sandbox does not answer to web pages of other origins")
	errNoRoute     = errors.New("there is no such route")
	errMethod      = errors.New("the route does not take this method")
)

// problem is an error as JSON, after RFC 9457.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// refusals gives errors a status and a code; the first that fits counts.
var refusals = []struct {
	err    error
	status int
	code   string
}{
	{errBadBody, http.StatusBadRequest, "bad_body"},
	{errForeign, http.StatusForbidden, "not_loopback"},
	{errCrossOrigin, http.StatusForbidden, "cross_origin"},
	{errNoRoute, http.StatusNotFound, "no_route"},
	{errMethod, http.StatusMethodNotAllowed, "method_not_allowed"},
	{ErrPhoneInvalid, http.StatusUnprocessableEntity, "phone_invalid"},
	{ErrPhoneTaken, http.StatusConflict, "phone_taken"},
	{ErrNoPhone, http.StatusNotFound, "no_phone"},
	{ErrNoDevice, http.StatusNotFound, "no_device"},
	{ErrNoMessage, http.StatusNotFound, "no_message"},
	{ErrNoGroup, http.StatusNotFound, "no_group"},
	{ErrNotAllowed, http.StatusForbidden, "not_allowed"},
	{ErrTooManyLinks, http.StatusConflict, "too_many_links"},
	{ErrQRInvalid, http.StatusUnprocessableEntity, "qr_invalid"},
	{ErrQRUsed, http.StatusConflict, "qr_used"},
	{ErrQRStale, http.StatusGone, "qr_stale"},
	{ErrPairRefused, http.StatusBadGateway, "pair_refused"},
	{ErrInvalid, http.StatusUnprocessableEntity, "invalid"},
	{ErrNotLoopback, http.StatusUnprocessableEntity, "not_loopback"},
	{ErrClosed, http.StatusServiceUnavailable, "closed"},
}

func (c *control) fail(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		c.problem(w, http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("The body is larger than %d bytes.", large.Limit))
		return
	}
	for _, refusal := range refusals {
		if errors.Is(err, refusal.err) {
			c.problem(w, refusal.status, refusal.code, err.Error())
			return
		}
	}
	if r.Context().Err() == nil {
		c.log.Error("control route failed", zap.String("path", r.URL.Path), zap.Error(err))
	}
	c.problem(w, http.StatusInternalServerError, "internal", err.Error())
}

func (c *control) problem(w http.ResponseWriter, status int, code, detail string) {
	c.write(w, "application/problem+json", status, problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code,
	})
}

// unknown tells a wrong method from a wrong path.
func (c *control) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := c.mux.Handler(probe); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 && !slices.Contains(allowed, r.Method) {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		c.fail(w, r, fmt.Errorf("%w: %s %s", errMethod, r.Method, r.URL.Path))
		return
	}
	c.fail(w, r, fmt.Errorf("%w: %s", errNoRoute, r.URL.Path))
}

// longestWait is how long a request may wait for something to come.
const longestWait = 60 * time.Second

// list is the shape of all answers that are lists.
type list[T any] struct {
	Data []T `json:"data"`
}
