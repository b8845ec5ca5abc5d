package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// Access says who may call an endpoint.
type Access string

// Who may call.
const (
	Open      Access = "open"    // anybody
	Account   Access = "account" // whoever is logged in
	AdminOnly Access = "admin"
	OnSession Access = "session" // the session's owner, and admins
)

// Endpoint is one row of the route table.
type Endpoint struct {
	Method  string
	Path    string
	Access  Access
	Scope   string // what a key needs to be allowed; empty for Open
	Summary string

	register func(huma.API)
}

// Target is the session that a call is about, and who calls.
type Target struct {
	Caller  service.Caller
	Record  store.Session
	Session *whatsapp.Session
}

// SessionPath is the part of an input that names the session. Inputs of onSession embed it.
type SessionPath struct {
	SessionID string `path:"sessionId" maxLength:"64" doc:"Id of the session"`
}

func (p *SessionPath) session() string { return p.SessionID }

type sessionInput[In any] interface {
	*In
	session() string
}

// base is where all documented routes live.
const base = "/api/v1"

// onSession is an endpoint on one session. A session that is not the caller's is 404, as is
// one that does not exist.
func onSession[In, Out any, P sessionInput[In]](a *API, method, path, scope, summary string, fn func(context.Context, Target, *In) (*Out, error), more ...func(*huma.Operation)) Endpoint {
	e := Endpoint{Method: method, Path: base + path, Access: OnSession, Scope: scope, Summary: summary}
	e.register = func(api huma.API) {
		op := operation(e, more)
		op.Middlewares = huma.Middlewares{a.loggedIn(e.Scope), a.ownSession, a.noBlanks}
		huma.Register(api, op, func(ctx context.Context, in *In) (*Out, error) {
			target, ok := ctx.Value(targetKey{}).(Target)
			if !ok || target.Record.ID != P(in).session() {
				return nil, a.fail(ctx, store.ErrNotFound)
			}
			out, err := fn(ctx, target, in)
			return out, a.fail(ctx, err)
		})
	}
	return e
}

// onAccount is an endpoint for whoever is logged in.
func onAccount[In, Out any](a *API, method, path, scope, summary string, fn func(context.Context, service.Caller, *In) (*Out, error), more ...func(*huma.Operation)) Endpoint {
	return account(a, Endpoint{Method: method, Path: base + path, Access: Account, Scope: scope, Summary: summary}, fn, more)
}

// onAdmin is an endpoint for admins; others get 403.
func onAdmin[In, Out any](a *API, method, path, scope, summary string, fn func(context.Context, service.Caller, *In) (*Out, error), more ...func(*huma.Operation)) Endpoint {
	return account(a, Endpoint{Method: method, Path: base + path, Access: AdminOnly, Scope: scope, Summary: summary}, fn, more)
}

func account[In, Out any](a *API, e Endpoint, fn func(context.Context, service.Caller, *In) (*Out, error), more []func(*huma.Operation)) Endpoint {
	e.register = func(api huma.API) {
		op := operation(e, more)
		op.Middlewares = huma.Middlewares{a.loggedIn(e.Scope)}
		if e.Access == AdminOnly {
			op.Middlewares = append(op.Middlewares, a.adminOnly)
		}
		op.Middlewares = append(op.Middlewares, a.noBlanks)
		huma.Register(api, op, func(ctx context.Context, in *In) (*Out, error) {
			out, err := fn(ctx, callerOf(ctx), in)
			return out, a.fail(ctx, err)
		})
	}
	return e
}

// open is an endpoint that needs no key: the short list.
func open[In, Out any](a *API, method, path, summary string, fn func(context.Context, *In) (*Out, error), more ...func(*huma.Operation)) Endpoint {
	e := Endpoint{Method: method, Path: path, Access: Open, Summary: summary}
	e.register = func(api huma.API) {
		huma.Register(api, operation(e, more), func(ctx context.Context, in *In) (*Out, error) {
			out, err := fn(ctx, in)
			return out, a.fail(ctx, err)
		})
	}
	return e
}

// noBlanks refuses a query parameter that is given and empty where that is no value of it (?limit=);
// huma takes it for absent.
func (a *API) noBlanks(ctx huma.Context, next func(huma.Context)) {
	u := ctx.URL()
	given := u.Query()
	for _, p := range ctx.Operation().Parameters {
		text := p.Schema.Type == huma.TypeString && p.Schema.Format == "" && len(p.Schema.Enum) == 0
		if p.In == "query" && !text && slices.Contains(given[p.Name], "") {
			a.refuse(ctx, wrongParameter(p.Name, p.In, "must not be empty"))
			return
		}
	}
	next(ctx)
}

// operation describes a row for the document.
func operation(e Endpoint, more []func(*huma.Operation)) huma.Operation {
	op := huma.Operation{
		Method: e.Method, Path: e.Path, Summary: e.Summary, OperationID: operationID(e), Tags: []string{tag(e.Path)},
		MaxBodyBytes: maxBody, Errors: []int{400, 422, 429, 500, 503},
	}
	if e.Access != Open {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		admins := ""
		if e.Access == AdminOnly {
			admins = "For admins."
		}
		op.Description, op.Extensions = strings.TrimSpace(admins+needs(e.Scope)), scoped(e.Scope)
	} else if !safe(e.Method) {
		op.Errors = append(op.Errors, http.StatusForbidden)
	}
	if strings.Contains(e.Path, "{") {
		op.Errors = append(op.Errors, http.StatusNotFound)
	}
	for _, change := range more {
		change(&op)
	}
	return op
}

// needs tells readers of the document which scope a key needs, scoped tells programs.
func needs(scope string) string {
	if scope == service.ScopeLogin {
		return "\n\nNot with an API key."
	}
	return "\n\nAn API key needs the scope `" + scope + "`."
}

func scoped(scope string) map[string]any { return map[string]any{"x-scope": scope} }

// status sets the answer's status where it is not 200.
func status(code int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.DefaultStatus = code }
}

// explained says more of an endpoint than its summary.
func explained(text string) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Description = strings.TrimSpace(text + "\n\n" + op.Description) }
}

// alsoFails adds statuses that an endpoint may answer with.
func alsoFails(codes ...int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Errors = append(op.Errors, codes...) }
}

// operationID makes getSessionsSessionIdQr of GET /api/v1/sessions/{sessionId}/qr.
func operationID(e Endpoint) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(e.Method))
	for part := range strings.FieldsFuncSeq(strings.TrimPrefix(e.Path, base), func(r rune) bool { return strings.ContainsRune("/{}-", r) }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// tag is an operation's chapter.
func tag(path string) string {
	if !strings.HasPrefix(path, base) {
		return tagHealth
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(path, base), "/") {
		if part != "" {
			return part
		}
	}
	return ""
}
