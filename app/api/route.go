package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"whatsapp-api/app/codes"
)

// Route is a row for what huma does not serve: streams, metrics, pages. It checks for itself who calls.
type Route struct {
	Methods []string // none: all of them
	Path    string
	Scope   string       // what a key needs to be allowed
	Fails   []codes.Code // what it may answer with, beside an internal error and too many attempts
	Plain   bool         // goes out as it is written, never compressed: at once, or compressed already

	// Handle answers. An error that it returns is answered as a problem, if nothing was written yet.
	Handle func(http.ResponseWriter, *http.Request) error

	// Operations describe the route, one for each method; none: it is not in the document. What the scope
	// adds is added here.
	Operations []*huma.Operation
}

// Handler makes what answers by itself fit for a route.
func Handler(h http.Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

func (a *API) serve(r Route) {
	handle := func(c echo.Context) error { return r.Handle(c.Response(), c.Request()) }
	if len(r.Methods) == 0 {
		a.echo.Any(r.Path, handle)
		return
	}
	for _, method := range r.Methods {
		a.echo.Add(method, r.Path, handle)
	}
}

// describeRoutes adds the routes that huma does not serve.
func (a *API) describeRoutes(doc *huma.OpenAPI) {
	for _, r := range a.Routes {
		for _, op := range r.Operations {
			op.Path = r.Path
			if r.Scope != "" {
				op.Description, op.Extensions = op.Description+needs(r.Scope), scoped(r.Scope)
			}
			a.codes[op.OperationID] = append([]codes.Code{codes.InternalError, codes.TooManyAttempts}, r.Fails...)
			doc.AddOperation(op)
		}
	}
}

// plain says whether the answers of a path go out as they are written.
func plain(routes []Route) func(path string) bool {
	var exact, below []string
	for _, r := range routes {
		if root, all := strings.CutSuffix(r.Path, "*"); r.Plain && all {
			below = append(below, root)
		} else if r.Plain {
			exact = append(exact, r.Path)
		}
	}
	return func(path string) bool {
		return slices.Contains(exact, path) || slices.ContainsFunc(below, func(root string) bool { return strings.HasPrefix(path, root) })
	}
}
