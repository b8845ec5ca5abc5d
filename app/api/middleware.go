package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"go.uber.org/zap"
)

// MaxBody bounds a request's body, in bytes, where an endpoint does not say otherwise.
const MaxBody = 1 << 20

type requestKey struct{}

// request is what is known of a request beside its input.
type request struct {
	id     string
	method string // as the client has it, HEAD too
	stays  bool   // it has become a stream, or waits for something to come

	// For the audit log.
	act    bool   // it is one, though its method is safe
	user   string // who got in by it, where nobody was logged in before
	target string // what it was done to, beside what the path says; what it has made
}

func requestFacts(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// RequestOf is the request's id.
func RequestOf(ctx context.Context) string { return requestFacts(ctx).id }

// OnlyHead says whether the client wants the answer's headers alone.
func OnlyHead(ctx context.Context) bool { return requestFacts(ctx).method == http.MethodHead }

// Stays notes that a request becomes a stream, or waits for something to come by its nature: how long it
// takes says nothing of the server.
func Stays(ctx context.Context) { requestFacts(ctx).stays = true }

// useMiddleware puts the CORS headers before all that refuses: a page of a front end cannot read an
// answer without them, not even why it was refused.
func (a *API) useMiddleware() {
	a.echo.Use(a.identify, a.locate, a.recover, a.secure)
	if len(a.Origins) > 0 {
		a.echo.Use(middleware.CORSWithConfig(middleware.CORSConfig{
			AllowOrigins:  a.Origins,
			AllowMethods:  []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
			AllowHeaders:  []string{"Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "Last-Event-ID"},
			ExposeHeaders: []string{"Idempotency-Replayed", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"},
			MaxAge:        600,
		}))
	}
	a.echo.Use(a.limitAddress, a.sameOrigin(), a.audited, a.doors(), unescape)
}

var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// received gives each request an id: the caller's if it is fit for logs, else a random one. Where the
// method is HEAD the router sees GET: all that can be got has a head, and net/http, which knows better,
// sends no body then.
func received(r *http.Request) *http.Request {
	facts := &request{id: r.Header.Get("X-Request-Id"), method: r.Method}
	if !goodRequestID.MatchString(facts.id) {
		raw := make([]byte, 12)
		rand.Read(raw)
		facts.id = hex.EncodeToString(raw)
	}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, facts))
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet
	}
	return r
}

// identify tells the client the request's id, and those who watch what became of it.
func (a *API) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		facts := requestFacts(c.Request().Context())
		c.Response().Header().Set("X-Request-Id", facts.id)
		began := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		if a.Watch != nil && !facts.stays {
			a.Watch(facts.method, c.Path(), c.Response().Status, time.Since(began))
		}
		a.Logger.Debug("request", zap.String("request", facts.id), zap.String("method", facts.method),
			zap.String("route", c.Path()), zap.Int("status", c.Response().Status), zap.Duration("took", time.Since(began)))
		return nil
	}
}

// recover turns a panic into a 500 with its stack in the log.
func (a *API) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				if e, ok := p.(error); ok && errors.Is(e, http.ErrAbortHandler) { // net/http's own way to cut a connection
					panic(p)
				}
				a.Logger.Error("handler panicked", zap.String("request", RequestOf(c.Request().Context())), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
				err = echo.NewHTTPError(http.StatusInternalServerError).SetInternal(fmt.Errorf("panic: %v", p))
			}
		}()
		return next(c)
	}
}

// secure sets the headers that keep browsers from doing what nobody asked for.
func (a *API) secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-site")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if peerOf(c.Request().Context()).secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// routed turns {param} into :param, as echo's router has it.
var routed = strings.NewReplacer("{", ":", "}", "")

// doors asks the doors of those endpoints that have one.
func (a *API) doors() echo.MiddlewareFunc {
	checks := map[string]func(http.ResponseWriter, *http.Request) error{}
	for _, e := range a.Endpoints {
		if e.door != nil {
			checks[e.Method+" "+routed.Replace(e.Path)] = e.door
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if check := checks[c.Request().Method+" "+c.Path()]; check != nil {
				if err := check(c.Response(), c.Request()); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

// unescape undoes the escapes of path parameters: echo leaves them as they came when the
// URL has any (34600%40s.whatsapp.net).
func unescape(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().URL.RawPath == "" {
			return next(c)
		}
		values := c.ParamValues()
		for i, v := range values {
			plain, err := url.PathUnescape(v)
			if err != nil {
				return echo.NewHTTPError(http.StatusBadRequest, "The path has a malformed escape.")
			}
			values[i] = plain
		}
		c.SetParamValues(values...)
		return next(c)
	}
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
