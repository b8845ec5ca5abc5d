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

	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/app/service/link"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// fault gives an error its code, and with it a status and a text.
type fault struct {
	err  error
	code codes.Code
	own  bool // what the error itself says is shown, since it tells more than the code does
}

// faults is searched in order; the first that matches wins.
var faults = []fault{
	{service.ErrUnauthorized, codes.Unauthorized, false},
	{account.ErrWrongLogin, codes.WrongLogin, false},
	{service.ErrForbidden, codes.Forbidden, false},
	{service.ErrScope, codes.ScopeMissing, true},
	{service.ErrKeySession, codes.SessionNotAllowed, false},
	{service.ErrAddress, codes.AddressNotAllowed, false},
	{account.ErrEmailTaken, codes.EmailTaken, false},
	{link.ErrSessionTaken, codes.SessionExists, false},
	{link.ErrTooManySessions, codes.TooManySessions, true},
	{ErrManyStreams, codes.TooManyStreams, false},
	{ErrManyStrangers, codes.TooManySockets, false},
	{deliver.ErrTooManyWebhooks, codes.TooManyWebhooks, false},
	{deliver.ErrReplayRunning, codes.ReplayRunning, false},
	{chat.ErrIdempotencyReused, codes.IdempotencyKeyReused, false},
	{chat.ErrIdempotencyRunning, codes.IdempotencyKeyRunning, false},
	{whatsapp.ErrUnconfirmed, codes.SendUnconfirmed, false},
	{whatsapp.ErrOffline, codes.SessionOffline, false},
	{whatsapp.ErrLinked, codes.AlreadyLinked, false},
	{whatsapp.ErrNotLinked, codes.NotLinked, false},
	{whatsapp.ErrNoQR, codes.QRNotReady, false},
	{whatsapp.ErrNotOnWhatsApp, codes.NotOnWhatsApp, false},
	{whatsapp.ErrNoQuoted, codes.QuotedNotFound, false},
	{whatsapp.ErrNotYours, codes.NotYourMessage, false},
	{whatsapp.ErrNotThat, codes.NotPossible, false},
	{whatsapp.ErrEditExpired, codes.EditExpired, false},
	{whatsapp.ErrNoOption, codes.ValidationFailed, true},
	{whatsapp.ErrRefused, codes.WhatsAppRefused, true},
	{whatsapp.ErrStopping, codes.Stopping, false},
	{whatsapp.ErrMixed, codes.InternalError, true},
	{convert.ErrAddress, codes.BadAddress, true},
	{convert.ErrSealed, codes.InternalError, true},
	{store.ErrNotFound, codes.NotFound, false},
	{store.ErrExists, codes.AlreadyExists, false},
	{store.ErrCursor, codes.BadCursor, false},
	{store.ErrExpired, codes.CursorExpired, false},
	{store.ErrLastAdmin, codes.LastAdmin, false},
	{store.ErrTooLarge, codes.TooLarge, false},
	{store.ErrUnavailable, codes.StoreUnavailable, false},
	{store.ErrOwnedElsewhere, codes.OwnedElsewhere, true},
	{store.ErrFenced, codes.SessionMoved, false},
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
		p := NewProblem(codes.TooManyAttempts, fmt.Sprintf("Too many attempts. Try again in %d s.", seconds))
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
		return NewProblem(codes.Unavailable, "")
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
			return string(f.code)
		}
	}
	return "other"
}

func known(f fault, err error, log *zap.Logger) *Problem {
	detail := ""
	var refusal *whatsapp.Refusal
	var elsewhere *store.OwnedElsewhere
	switch {
	case !f.own:
	case errors.As(err, &elsewhere):
		detail = fmt.Sprintf("The session is run by another server: %s. Ask that one, or wait until it has stopped.", elsewhere.Owner)
	case errors.As(err, &refusal):
		detail = refusal.Error() + "."
	default:
		detail = err.Error()
	}
	p := NewProblem(f.code, detail)
	if p.Status == http.StatusServiceUnavailable && elsewhere == nil { // that one is as it should be
		log.Warn("request not served", zap.String("code", string(f.code)), zap.Error(err))
	}
	return p
}

func invalid(wrong service.Invalid) *Problem {
	p := NewProblem(codes.ValidationFailed, someWrong)
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
		p = NewProblem(codes.NoSuchRoute, "")
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
