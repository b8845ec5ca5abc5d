package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"whatsapp-api/app/consumer"
	"whatsapp-api/store"
)

const (
	dialTimeout   = 10 * time.Second
	maxRedirects  = 3
	maxAnswer     = 4 << 10        // bytes of an answer that are read
	maxSnippet    = 200            // runes of it that the log of deliveries keeps
	maxRetryAfter = 24 * time.Hour // what an endpoint may ask for
)

// sender makes the HTTP requests of webhooks. It uses no proxy: a proxy would connect where
// Targets cannot look.
type sender struct {
	transport *http.Transport
	agent     string
}

func newSender(targets *Targets, version string) *sender {
	return &sender{
		transport: &http.Transport{
			DialContext: targets.dialer().DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 512, MaxIdleConnsPerHost: consumer.InFlight,
			IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: dialTimeout, MaxResponseHeaderBytes: 32 << 10, DisableCompression: true,
		},
		agent: "whatsapp-api/" + version,
	}
}

func (s *sender) close() { s.transport.CloseIdleConnections() }

// webhookRequest is one request to be made.
type webhookRequest struct {
	hook    store.Webhook
	event   string // id
	attempt int
	replay  bool
	body    []byte
}

// outcome is what came of a request.
type outcome struct {
	status     int // of the answer; 0: none
	fault      string
	took       time.Duration
	at         time.Time
	retryAfter time.Duration // asked for by the endpoint; 0: not
}

func (o outcome) delivered() bool { return o.status/100 == 2 && o.fault == "" }

// send makes the request. Redirects that keep the method (307, 308) and those that many
// servers use for a change of host or scheme (301, 302) are followed with the same body.
func (s *sender) send(ctx context.Context, p webhookRequest) outcome {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.hook.Timeout)
	defer cancel()
	o := s.follow(ctx, p)
	o.took, o.at = time.Since(began), began.UTC().Truncate(time.Millisecond)
	return o
}

func (s *sender) follow(ctx context.Context, p webhookRequest) outcome {
	first, err := url.Parse(p.hook.URL)
	if err != nil {
		return outcome{fault: "the URL is malformed"}
	}
	for to, hops := first, 0; ; hops++ {
		o, next, err := s.post(ctx, p, to, first)
		switch {
		case err != nil:
			return outcome{fault: explain(ctx, err)}
		case next == nil:
			return o
		case hops == maxRedirects:
			return outcome{status: o.status, fault: fmt.Sprintf("more than %d redirects", maxRedirects)}
		case next.Scheme != "https" && (next.Scheme != "http" || to.Scheme == "https") || next.Host == "" || next.User != nil:
			return outcome{status: o.status, fault: "redirected to where webhooks may not go"}
		}
		to = next
	}
}

// post makes one request and says where it is redirected to, if it is.
func (s *sender) post(ctx context.Context, p webhookRequest, to, first *url.URL) (outcome, *url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(p.body))
	if err != nil {
		return outcome{}, nil, err
	}
	if to.Scheme == first.Scheme && to.Host == first.Host { // they may hold the endpoint's own secrets
		for name, value := range p.hook.Headers {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.agent)
	req.Header.Set("X-Webhook-Id", p.hook.ID)
	req.Header.Set("X-Event-Id", p.event)
	req.Header.Set("X-Delivery-Attempt", strconv.Itoa(p.attempt))
	if p.replay {
		req.Header.Set("X-Webhook-Replay", "true")
	}
	sign(req.Header, p.hook.Secrets, time.Now(), p.body)
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return outcome{}, nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close() // a longer answer costs the connection
	if err != nil && resp.StatusCode/100 != 2 {
		return outcome{}, nil, err
	}
	o := outcome{status: resp.StatusCode}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if next, err := resp.Location(); err == nil {
			return o, next, nil
		}
		o.fault = "redirected nowhere"
		return o, nil, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		o.retryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	if resp.StatusCode/100 != 2 {
		o.fault = fmt.Sprintf("answered %d", resp.StatusCode)
		if text := snippet(answer); text != "" {
			o.fault += ": " + text
		}
	}
	return o, nil, nil
}

// explain says in few words why there was no answer.
func explain(ctx context.Context, err error) string {
	switch {
	case errors.Is(err, errTarget):
		return errTarget.Error()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "no answer in time"
	}
	return snippet([]byte(err.Error()))
}

func snippet(raw []byte) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, string(raw))
	runes := []rune(strings.TrimSpace(text))
	return string(runes[:min(len(runes), maxSnippet)])
}

// retryAfter reads seconds or an HTTP date.
func retryAfter(value string, at time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(at)
	}
	return max(0, min(wait, maxRetryAfter))
}
