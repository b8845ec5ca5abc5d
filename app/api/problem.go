package api

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/codes"
)

// Problem is an error as clients see it (RFC 9457).
type Problem struct {
	Type      string         `json:"type" doc:"about:blank: code says what kind of error it is"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"What is wrong and what can be done; the text may change"`
	Code      codes.Code     `json:"code" doc:"Stable name of the kind of error, for programs"`
	Errors    []FieldProblem `json:"errors,omitempty" doc:"What is wrong with which field"`
	RequestID string         `json:"requestId" doc:"The same as in the header X-Request-Id and in the server's log"`

	header http.Header
}

// FieldProblem says what is wrong with one field.
type FieldProblem struct {
	Field   string `json:"field" doc:"Name of the field, with its path inside the body"`
	In      string `json:"in" enum:"body,query,path,header"`
	Message string `json:"message"`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders is for huma.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is application/problem+json, whatever was asked for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// NewProblem is a problem of a kind; the request's id comes in when it is answered. detail may be empty: what is
// said of the code says it all.
func NewProblem(code codes.Code, detail string) *Problem {
	row, ok := codes.Of(code)
	if !ok || len(row.Status) == 0 { // a test looks at what is answered
		panic("api: " + code + " is no code of an answer")
	}
	return newProblem(row.Status[0], code, cmp.Or(detail, row.EN.String()))
}

func newProblem(status int, code codes.Code, detail string) *Problem {
	p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
	switch status {
	case http.StatusUnauthorized:
		p.header = http.Header{"WWW-Authenticate": {`Bearer realm="whatsapp-api"`}}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		p.header = http.Header{"Retry-After": {"1"}} // seconds
	}
	return p
}

// Under is the problem under another of the statuses that its code may have.
func (p *Problem) Under(status int) *Problem { return newProblem(status, p.Code, p.Detail) }

// StatusProblem is a problem that its status says enough of.
func StatusProblem(status int, detail string) *Problem { return validation(status, detail, nil) }

// WrongParameter is a problem with one parameter of a request; in is query, path or header.
func WrongParameter(name, in, why string) *Problem {
	p := NewProblem(codes.ValidationFailed, someWrong)
	p.Errors = []FieldProblem{{Field: name, In: in, Message: why}}
	return p
}

// Write answers with the problem outside huma.
func (p *Problem) Write(w http.ResponseWriter) error {
	h := w.Header()
	for k, v := range p.header {
		h.Set(k, v[0])
	}
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	return p.Encode(w)
}

// Encode writes the problem as JSON.
func (p *Problem) Encode(w io.Writer) error { return encode(w, p) }

// ownErrors gives huma our error shape. huma keeps these in package variables.
var ownErrors = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return validation(status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		p := validation(status, msg, errs)
		if ctx != nil {
			p.RequestID = RequestOf(ctx.Context())
		}
		return p
	}
})

// byStatus names the errors that huma, echo and the library of Socket.IO make themselves. Others of theirs
// are one of the first two.
var byStatus = map[int]codes.Code{
	http.StatusBadRequest:            codes.BadRequest,
	http.StatusInternalServerError:   codes.InternalError,
	http.StatusForbidden:             codes.Forbidden,
	http.StatusMethodNotAllowed:      codes.MethodNotAllowed,
	http.StatusRequestTimeout:        codes.RequestTimeout,
	http.StatusRequestEntityTooLarge: codes.BodyTooLarge,
	http.StatusUnsupportedMediaType:  codes.UnsupportedMediaType,
	http.StatusUnprocessableEntity:   codes.ValidationFailed,
	http.StatusTooManyRequests:       codes.TooManyRequests,
}

// validation makes a problem of what huma found wrong. Values are not repeated: they may be secret.
func validation(status int, msg string, errs []error) *Problem {
	code, ok := byStatus[status]
	switch {
	case !ok && status < http.StatusInternalServerError:
		code = codes.BadRequest
	case !ok:
		code = codes.InternalError
	}
	if code == codes.InternalError {
		msg = "" // it is for the log
	}
	if msg == "validation failed" {
		msg = someWrong
	}
	p := NewProblem(code, msg)
	for _, err := range errs {
		d, ok := err.(huma.ErrorDetailer)
		if !ok {
			if err != nil && status < 500 {
				p.Errors = append(p.Errors, FieldProblem{In: "body", Message: err.Error()})
			}
			continue
		}
		in, field, _ := strings.Cut(d.ErrorDetail().Location, ".")
		p.Errors = append(p.Errors, FieldProblem{Field: missing(field, d.ErrorDetail().Message), In: in, Message: readable(d.ErrorDetail().Message)})
	}
	return p
}

// someWrong is the detail of every problem that lists fields.
const someWrong = "Some fields are wrong."

// readable puts what only Go programmers read into words.
func readable(message string) string {
	if strings.HasPrefix(message, "invalid date/time for format ") {
		return "must be a moment such as 2026-11-24T10:00:00Z"
	}
	return message
}

// missing completes a field's path with the property that lacks, which huma names in its
// text alone.
func missing(path, message string) string {
	name, ok := strings.CutPrefix(message, "expected required property ")
	if !ok {
		return path
	}
	name = strings.TrimSuffix(name, " to be present")
	if path == "" {
		return name
	}
	return path + "." + name
}
