package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"
)

var (
	errBadBody     = errors.New("the body cannot be read")
	errForeign     = errors.New("the sandbox answers to this machine only")
	errCrossOrigin = errors.New("the sandbox does not answer to web pages of other origins")
	errNoRoute     = errors.New("there is no such route")
	errMethod      = errors.New("the route does not take this method")
)

// refused is an error as JSON, after RFC 9457.
type refused struct {
	Type   string `json:"type" doc:"about:blank: code says what kind of error it is"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail" doc:"What is wrong; the text may change"`
	Code   string `json:"code" doc:"Stable name of the kind of error, for programs"`
}

// Error is the detail.
func (p *refused) Error() string { return p.Detail }

// GetStatus is for huma.
func (p *refused) GetStatus() int { return p.Status }

// ContentType is for huma too.
func (p *refused) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

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
	{ErrPhoneOff, http.StatusConflict, "phone_off"},
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

// problemOf is an error as the caller sees it. What is in no table is logged.
func (c *control) problemOf(ctx context.Context, err error) *refused {
	status, code, detail := http.StatusInternalServerError, "internal", err.Error()
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		status, code = http.StatusRequestEntityTooLarge, "body_too_large"
		detail = fmt.Sprintf("The body is larger than %d bytes.", large.Limit)
	}
	for _, refusal := range refusals {
		if errors.Is(err, refusal.err) {
			status, code = refusal.status, refusal.code
			break
		}
	}
	if code == "internal" && ctx.Err() == nil {
		c.log.Error("control route failed", zap.Error(err))
	}
	return &refused{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

// fail answers without huma.
func (c *control) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := c.problemOf(r.Context(), err)
	c.write(w, problemType, p.Status, p)
}
