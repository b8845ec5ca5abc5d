package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"
)

// maxBody is the largest request body of the control routes.
const maxBody = 1 << 20

// base is where the control routes are.
const base = "/sandbox"

// control is the HTTP face of a Server.
type control struct {
	*Server
	mux *http.ServeMux
	api huma.API
}

// Control is the routes under /sandbox, with their own OpenAPI document at /sandbox/openapi.json.
// They need no key, so they answer only to this machine: by the address of the caller, by the name
// it calls us (a foreign name resolved to loopback is refused), and never to a web page of another
// origin.
func (s *Server) Control() http.Handler {
	c := &control{Server: s, mux: http.NewServeMux()}
	c.api = humago.New(c.mux, controlDocument())
	c.routes()
	c.serveDocument()
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, errCrossOrigin)
	}))
	inner := guard.Handler(http.HandlerFunc(c.serve))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromLoopback(r) {
			c.fail(w, r, errForeign)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func (c *control) routes() {
	get(c, "", "How a client connects", c.getInfo)
	get(c, "/stats", "What the server has done, and what it could not answer", c.getStats)
	c.faultRoutes()
	c.phoneRoutes()
	c.messageRoutes()
	c.actRoutes()
	c.settingRoutes()
	c.groupRoutes()
	c.eventRoutes()
}

func (c *control) getInfo(context.Context, *struct{}) (*out[Info], error) {
	return reply(c.Info()), nil
}

func (c *control) getStats(context.Context, *struct{}) (*out[Stats], error) {
	return reply(c.Stats()), nil
}

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

// serve reads the body, so that nobody else has to tell when it is too large, and finds the route.
// Whatever a body is said to be, it is taken for JSON.
func (c *control) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if len(raw) == 0 {
		raw = []byte(" ") // which is no JSON: huma says of an empty body in its own words that it is missing
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	r.Header.Set("Content-Type", "application/json")
	h, pattern := c.mux.Handler(r)
	if pattern == "" {
		c.fail(w, r, noRoute(w, r, h))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	c.mux.ServeHTTP(w, r)
}

// noRoute tells a wrong method from a wrong path, as the mux does in its own words.
func noRoute(w http.ResponseWriter, r *http.Request, h http.Handler) error {
	said := &verdict{header: w.Header()}
	h.ServeHTTP(said, r)
	if said.status == http.StatusMethodNotAllowed {
		return fmt.Errorf("%w: %s %s", errMethod, r.Method, r.URL.Path)
	}
	return fmt.Errorf("%w: %s", errNoRoute, r.URL.Path)
}

// verdict takes an answer's status and headers, and leaves its text.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header            { return v.header }
func (v *verdict) WriteHeader(status int)         { v.status = status }
func (v *verdict) Write(text []byte) (int, error) { return len(text), nil }

// write answers without huma.
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
