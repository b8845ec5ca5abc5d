package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Access says who may call an endpoint.
type Access string

// Who may call.
const (
	Public     Access = "open"    // anybody
	Account    Access = "account" // whoever is logged in
	AdminOnly  Access = "admin"
	ForSession Access = "session" // the session's owner, and admins
)

// Endpoint is one row of the route table.
type Endpoint struct {
	Method  string
	Path    string
	ID      string // of the operation: a verb; names of methods and tools are made of it, so it is for ever
	Access  Access
	Scope   string // what a key needs to be allowed; empty for Public
	Summary string

	fails    []codes.Code // beside those that any such endpoint may answer with
	register func(*API)
	describe []func(*huma.Operation, huma.Registry)
	door     func(http.ResponseWriter, *http.Request) error
}

// Option says more of an endpoint.
type Option func(*Endpoint)

// SessionPath is the part of an input that names the session. Inputs of OnSession embed it.
type SessionPath struct {
	SessionID string `path:"sessionId" maxLength:"64" doc:"Id of the session"`
}

func (p *SessionPath) session() string { return p.SessionID }

// OfSession is an input that names its session, by a SessionPath.
type OfSession interface{ session() string }

type sessionInput[In any] interface {
	*In
	OfSession
}

// Base is where all documented routes live.
const Base = "/api/v1"

// OnSession is an endpoint on one session. A session that is not the caller's is 404, as is
// one that does not exist.
func OnSession[In, Out any, P sessionInput[In]](method, path, id, scope, summary string, fn func(context.Context, service.Target, *In) (*Out, error), more ...Option) Endpoint {
	e := endpoint(Endpoint{Method: method, Path: Base + path, ID: id, Access: ForSession, Scope: scope, Summary: summary}, more)
	e.register = func(a *API) {
		op := a.operation(e)
		op.Middlewares = huma.Middlewares{a.loggedIn(e.Scope), a.ownSession, a.noBlanks}
		huma.Register(a.huma, op, func(ctx context.Context, in *In) (*Out, error) {
			target, ok := ctx.Value(targetKey{}).(service.Target)
			if !ok || target.Session.ID() != P(in).session() {
				return nil, a.fail(ctx, store.ErrNotFound)
			}
			out, err := fn(ctx, target, in)
			return out, a.fail(ctx, err)
		})
	}
	return e
}

// OnAccount is an endpoint for whoever is logged in.
func OnAccount[In, Out any](method, path, id, scope, summary string, fn func(context.Context, service.Caller, *In) (*Out, error), more ...Option) Endpoint {
	return forCaller(Endpoint{Method: method, Path: Base + path, ID: id, Access: Account, Scope: scope, Summary: summary}, fn, more)
}

// OnAdmin is an endpoint for admins; others get 403.
func OnAdmin[In, Out any](method, path, id, scope, summary string, fn func(context.Context, service.Caller, *In) (*Out, error), more ...Option) Endpoint {
	return forCaller(Endpoint{Method: method, Path: Base + path, ID: id, Access: AdminOnly, Scope: scope, Summary: summary}, fn, more)
}

func forCaller[In, Out any](e Endpoint, fn func(context.Context, service.Caller, *In) (*Out, error), more []Option) Endpoint {
	e = endpoint(e, more)
	e.register = func(a *API) {
		op := a.operation(e)
		op.Middlewares = huma.Middlewares{a.loggedIn(e.Scope)}
		if e.Access == AdminOnly {
			op.Middlewares = append(op.Middlewares, a.adminOnly)
		}
		op.Middlewares = append(op.Middlewares, a.noBlanks)
		huma.Register(a.huma, op, func(ctx context.Context, in *In) (*Out, error) {
			out, err := fn(ctx, callerOf(ctx), in)
			return out, a.fail(ctx, err)
		})
	}
	return e
}

// ForAll is an endpoint that needs no key: the short list.
func ForAll[In, Out any](method, path, id, summary string, fn func(context.Context, *In) (*Out, error), more ...Option) Endpoint {
	e := endpoint(Endpoint{Method: method, Path: path, ID: id, Access: Public, Summary: summary}, more)
	e.register = func(a *API) {
		huma.Register(a.huma, a.operation(e), func(ctx context.Context, in *In) (*Out, error) {
			out, err := fn(ctx, in)
			return out, a.fail(ctx, err)
		})
	}
	return e
}

func endpoint(e Endpoint, more []Option) Endpoint {
	for _, option := range more {
		option(&e)
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
			a.refuse(ctx, WrongParameter(p.Name, p.In, "must not be empty"))
			return
		}
	}
	next(ctx)
}

// operation describes a row for the document.
func (a *API) operation(e Endpoint) huma.Operation {
	op := huma.Operation{
		Method: e.Method, Path: e.Path, Summary: e.Summary, OperationID: e.ID, Tags: []string{tag(e.Path)}, MaxBodyBytes: MaxBody,
		Errors: []int{http.StatusInternalServerError}, // describeCodes adds the others
	}
	a.codes[e.ID] = e.codes()
	if e.Access != Public {
		op.Security = []map[string][]string{{"bearer": {}}}
		admins := ""
		if e.Access == AdminOnly {
			admins = "For admins."
		}
		op.Description, op.Extensions = strings.TrimSpace(admins+needs(e.Scope)), scoped(e.Scope)
	}
	for _, change := range e.describe {
		change(&op, a.huma.OpenAPI().Components.Schemas)
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

// Described changes what the document says of an endpoint, before anything is served.
func Described(change func(*huma.Operation, huma.Registry)) Option {
	return func(e *Endpoint) { e.describe = append(e.describe, change) }
}

// Status sets the answer's status where it is not 200.
func Status(code int) Option {
	return Described(func(op *huma.Operation, _ huma.Registry) { op.DefaultStatus = code })
}

// Explained says more of an endpoint than its summary.
func Explained(text string) Option {
	return Described(func(op *huma.Operation, _ huma.Registry) {
		op.Description = strings.TrimSpace(text + "\n\n" + op.Description)
	})
}

// AlsoFails adds errors that an endpoint may answer with, beside those that follow from who may call it and
// what it takes.
func AlsoFails(with ...codes.Code) Option {
	return func(e *Endpoint) { e.fails = append(e.fails, with...) }
}

// Door lets a request in, or refuses it with an error, before anything of its body is looked at.
func Door(check func(http.ResponseWriter, *http.Request) error) Option {
	return func(e *Endpoint) { e.door = check }
}

// tag is an operation's chapter.
func tag(path string) string {
	if !strings.HasPrefix(path, Base) {
		return ChapterHealth
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(path, Base), "/") {
		if part != "" {
			return part
		}
	}
	return ""
}
