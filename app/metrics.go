package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// meter counts what happens in this server, for Prometheus. Labels are bounded: routes,
// statuses, states and event names are few, and sessions are named up to a number.
type meter struct {
	set      *metrics.Set
	store    store.Store
	manager  *whatsapp.Manager
	webhooks *service.Webhooks
	streams  func() map[string]int // open ones by kind
}

// maxNamed bounds how many sessions, and how many webhooks, have gauges of their own.
const maxNamed = 500

// seconds are the upper bounds of the histograms' buckets.
var seconds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

func newMeter(st store.Store) *meter { return &meter{set: metrics.NewSet(), store: st} }

// request counts an answered request.
func (m *meter) request(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`whatsapp_api_http_request_seconds{method=%q,route=%q,status="%dxx"}`, method, route, status/100), seconds).Update(took.Seconds())
}

// write writes everything in Prometheus' text format.
func (m *meter) write(ctx context.Context, w io.Writer) {
	m.set.WritePrometheus(w)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	up := 1
	if m.store.Ping(ctx) != nil {
		up = 0
	}
	fmt.Fprintf(w, "whatsapp_api_store_up{store=%q} %d\n", m.store.Name(), up)
	states := map[whatsapp.State]int{}
	for i, s := range m.manager.Live() {
		snap := s.Snapshot()
		states[snap.State]++
		if i >= maxNamed {
			continue
		}
		connected := 0
		if snap.State == whatsapp.Connected {
			connected = 1
		}
		fmt.Fprintf(w, "whatsapp_api_session_connected{session=%q} %d\n", s.ID(), connected)
		h := s.Health()
		fmt.Fprintf(w, "whatsapp_api_session_stanzas_given_up_total{session=%q} %d\n", s.ID(), h.GivenUp)
		if !h.LastFrame.IsZero() {
			fmt.Fprintf(w, "whatsapp_api_session_silent_seconds{session=%q} %.3f\n", s.ID(), time.Since(h.LastFrame).Seconds())
			fmt.Fprintf(w, "whatsapp_api_session_unanswered_pings{session=%q} %d\n", s.ID(), h.UnansweredPings)
		}
	}
	for _, state := range whatsapp.States() {
		fmt.Fprintf(w, "whatsapp_api_sessions{state=%q} %d\n", state, states[state])
	}
	open := m.streams()
	for _, kind := range slices.Sorted(maps.Keys(open)) {
		fmt.Fprintf(w, "whatsapp_api_open_streams{kind=%q} %d\n", kind, open[kind])
	}
	m.writeWebhooks(ctx, w)
	metrics.WriteProcessMetrics(w)
	metrics.WriteFDMetrics(w)
}

// writeWebhooks writes what waits for each webhook. While the store does not say, there is nothing
// to write; the failures are counted.
func (m *meter) writeWebhooks(ctx context.Context, w io.Writer) {
	waiting, err := m.webhooks.WaitingAll(ctx, maxNamed)
	if err != nil {
		m.set.GetOrCreateCounter("whatsapp_api_webhook_backlog_failures_total").Inc()
		return
	}
	states := map[string]int{store.WebhookActive: 0, store.WebhookPaused: 0, store.WebhookFailing: 0}
	for _, h := range waiting {
		states[h.Webhook.State]++
		fmt.Fprintf(w, "whatsapp_api_webhook_backlog{webhook=%q,state=%q} %d\n", h.Webhook.ID, h.Webhook.State, h.Events)
	}
	for _, state := range slices.Sorted(maps.Keys(states)) {
		fmt.Fprintf(w, "whatsapp_api_webhooks{state=%q} %d\n", state, states[state])
	}
}

// metered counts the units that go into a log.
type metered struct {
	store.Log
	m *meter
}

// Commit counts the unit, its messages and events, and how long it took.
func (l metered) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	began := time.Now()
	kept, err := l.Log.Commit(ctx, u)
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	l.m.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`whatsapp_api_commit_seconds{outcome=%q}`, outcome), seconds).Update(time.Since(began).Seconds())
	if err != nil {
		return kept, err
	}
	for _, e := range kept.Events {
		l.m.set.GetOrCreateCounter(fmt.Sprintf(`whatsapp_api_events_total{event=%q}`, e.Name)).Inc()
	}
	for _, msg := range u.Messages {
		l.m.set.GetOrCreateCounter(fmt.Sprintf(`whatsapp_api_messages_total{from_me="%t"}`, msg.FromMe)).Inc()
	}
	return kept, nil
}
