package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/app/service/link"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// fault gives an error its status and its stable code. Codes are for ever, texts may change.
type fault struct {
	err    error
	status int
	code   string
	detail string // empty: the error's own text is fit to be shown
}

// faults is searched in order; the first that matches wins.
var faults = []fault{
	{service.ErrUnauthorized, 401, "unauthorized", "There is no access token or API key, or it is no longer good."},
	{account.ErrWrongLogin, 401, "wrong_login", "Email and password do not match."},
	{service.ErrForbidden, 403, "forbidden", "This is for admins."},
	{service.ErrScope, 403, "scope_missing", ""},
	{service.ErrKeySession, 403, "session_not_allowed", "This API key is for some sessions only, and could not touch the new one. Give it the session's id first, or use another key."},
	{service.ErrAddress, 403, "address_not_allowed", "This API key may not be used from this address."},
	{account.ErrEmailTaken, 409, "email_taken", "Another user has this email."},
	{link.ErrSessionTaken, 409, "session_exists", "Another session has this id."},
	{link.ErrTooManySessions, 409, "too_many_sessions", ""},
	{ErrManyStreams, 429, "too_many_streams", "This user has as many streams open as one may have (STREAMS_PER_USER). Close some."},
	{ErrManyStrangers, 429, "too_many_sockets", "Too many sockets wait for their token (UNAUTHENTICATED_SOCKETS). Bring it in a header, or come back in a moment."},
	{deliver.ErrTooManyWebhooks, 409, "too_many_webhooks", "There are 50 webhooks already. Delete one first."},
	{deliver.ErrReplayRunning, 409, "replay_running", "The webhook is being replayed. Wait until that has ended."},
	{chat.ErrIdempotencyReused, 422, "idempotency_key_reused", "This Idempotency-Key was used with another body. Use a new key for a new request."},
	{chat.ErrIdempotencyRunning, 409, "idempotency_key_running", "The first request with this Idempotency-Key is still running. Wait for its answer."},
	{whatsapp.ErrUnconfirmed, 504, "send_unconfirmed", "WhatsApp did not acknowledge the message in time. It stays queued and is sent once; message_status tells what became of it."},
	{whatsapp.ErrOffline, 409, "session_offline", "The session is not connected to WhatsApp. Start it, then try again."},
	{whatsapp.ErrLinked, 409, "already_linked", "The session has a WhatsApp account, so there is no QR code. Disconnect it to link another."},
	{whatsapp.ErrNotLinked, 409, "not_linked", "The session has no WhatsApp account."},
	{whatsapp.ErrNoQR, 409, "qr_not_ready", "No QR code yet. Try again, or use ?wait=20."},
	{whatsapp.ErrNotOnWhatsApp, 422, "not_on_whatsapp", "This number has no WhatsApp account."},
	{whatsapp.ErrNoQuoted, 422, "quoted_not_found", "The message to answer is not stored in this chat."},
	{whatsapp.ErrRefused, 502, "whatsapp_refused", ""},
	{whatsapp.ErrStopping, 503, "stopping", "The server is stopping."},
	{whatsapp.ErrMixed, 500, "internal_error", ""},
	{convert.ErrAddress, 422, "bad_address", ""},
	{convert.ErrSealed, 500, "internal_error", ""},
	{store.ErrNotFound, 404, "not_found", "There is no such thing here."},
	{store.ErrExists, 409, "already_exists", "It exists already."},
	{store.ErrCursor, 400, "bad_cursor", "The cursor was not made by this list. Begin without one."},
	{store.ErrExpired, 410, "cursor_expired", "Events after this point are no longer kept, or the log began anew. Read the lists again, then follow from lastSeq."},
	{store.ErrLastAdmin, 409, "last_admin", "This is the last active admin."},
	{store.ErrTooLarge, 413, "too_large", "This is more than the database can keep as one."},
	{store.ErrUnavailable, 503, "store_unavailable", "The database cannot be reached or cannot be written now. Nothing was lost; try again."},
	{store.ErrOwnedElsewhere, 503, "owned_elsewhere", ""},
	{store.ErrFenced, 503, "session_moved", "Another server has taken over the session. Try again."},
}

// Errors of streams, which are the API's alone.
var (
	ErrManyStreams   = errors.New("too many streams of one user")
	ErrManyStrangers = errors.New("too many sockets without a token")
)

// fail turns an error of a lower layer into the answer. nil stays nil.
func (a *API) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return ProblemOf(ctx, a.Logger, err)
}

// ProblemOf is an error of a lower layer as clients see it. What nobody foresaw goes to the log.
func ProblemOf(ctx context.Context, log *zap.Logger, err error) *Problem {
	p := problemOf(ctx, log, err)
	p.RequestID = RequestOf(ctx)
	return p
}

func problemOf(ctx context.Context, log *zap.Logger, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var wrong service.Invalid
	if errors.As(err, &wrong) {
		return invalid(wrong)
	}
	var many service.TooMany
	if errors.As(err, &many) {
		seconds := int(math.Ceil(many.After.Seconds()))
		p := NewProblem(429, "too_many_attempts", fmt.Sprintf("Too many attempts. Try again in %d s.", seconds))
		p.header = http.Header{"Retry-After": {fmt.Sprint(seconds)}}
		return p
	}
	request := zap.String("request", RequestOf(ctx))
	for _, f := range faults {
		if errors.Is(err, f.err) {
			return known(f, err, log.With(request))
		}
	}
	if errors.Is(context.Cause(ctx), whatsapp.ErrStopping) && !errors.Is(err, whatsapp.ErrStopping) {
		return problemOf(ctx, log, whatsapp.ErrStopping)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return NewProblem(503, "unavailable", "The request took too long or was given up.")
	}
	log.Error("request failed", request, zap.Error(err))
	return validation(500, "", nil)
}

// CodeOf names an error for metrics: ok for nil, and other for what is in no table.
func CodeOf(err error) string {
	if err == nil {
		return "ok"
	}
	for _, f := range faults {
		if errors.Is(err, f.err) {
			return f.code
		}
	}
	return "other"
}

func known(f fault, err error, log *zap.Logger) *Problem {
	detail := f.detail
	var refusal *whatsapp.Refusal
	var elsewhere *store.OwnedElsewhere
	switch {
	case detail == "" && errors.As(err, &elsewhere):
		detail = fmt.Sprintf("The session is run by another server: %s. Ask that one, or wait until it has stopped.", elsewhere.Owner)
	case detail == "" && errors.As(err, &refusal):
		detail = refusal.Error() + "."
	case detail == "":
		detail = err.Error()
	}
	p := NewProblem(f.status, f.code, detail)
	if f.status == http.StatusServiceUnavailable && elsewhere == nil { // that one is as it should be
		log.Warn("request not served", zap.String("code", f.code), zap.Error(err))
	}
	return p
}

func invalid(wrong service.Invalid) *Problem {
	p := NewProblem(422, "validation_failed", someWrong)
	for field, why := range wrong {
		p.Errors = append(p.Errors, FieldProblem{Field: field, In: "body", Message: why})
	}
	slices.SortFunc(p.Errors, func(x, y FieldProblem) int {
		if x.Field < y.Field {
			return -1
		}
		return 1
	})
	return p
}

// refuse answers from a huma middleware.
func (a *API) refuse(ctx huma.Context, err error) {
	p := ProblemOf(ctx.Context(), a.Logger, err)
	for k, v := range p.header {
		ctx.SetHeader(k, v[0])
	}
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.Status)
	if err := encode(ctx.BodyWriter(), p); err != nil {
		a.Logger.Debug("answer not written", zap.Error(err))
	}
}

// routerError answers what echo itself found wrong: no such route, wrong method, a panic.
func (a *API) routerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	ctx := c.Request().Context()
	var p *Problem
	var he *echo.HTTPError
	switch {
	case errors.As(err, &he) && he.Code == http.StatusNotFound:
		p = NewProblem(404, "no_such_route", "There is no such route. /docs shows what there is.")
	case errors.As(err, &he) && he.Code < 500:
		if allow := c.Response().Header(); he.Code == http.StatusMethodNotAllowed && strings.Contains(allow.Get("Allow"), http.MethodGet) {
			allow.Set("Allow", allow.Get("Allow")+", "+http.MethodHead)
		}
		p = validation(he.Code, fmt.Sprint(he.Message), nil)
	default:
		p = ProblemOf(ctx, a.Logger, err)
	}
	a.write(c, p)
}

// write answers with a problem outside huma.
func (a *API) write(c echo.Context, p *Problem) {
	p.RequestID = RequestOf(c.Request().Context())
	if err := p.Write(c.Response()); err != nil {
		a.Logger.Debug("answer not written", zap.Error(err))
	}
}
