package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// meter counts what happens in this server, for Prometheus. Labels are bounded: methods, routes,
// statuses, codes, states and event names are few, and sessions and webhooks are named up to a number.
type meter struct {
	set      *metrics.Set
	store    store.Store
	manager  *whatsapp.Manager
	webhooks *deliver.Webhooks
	audit    *account.Audit
	streams  func() map[string]int // open ones by kind

	asked chan chan struct{} // asks Run for a look at what waits for webhooks; it closes what it gets when it has looked

	mu        sync.Mutex
	states    map[string]string // of all sessions, as the store said last
	waiting   []deliver.Waiting // what waits for webhooks
	goodUntil time.Time         // until when that is taken as it was
}

// maxNamed bounds how many sessions, and how many webhooks, have gauges of their own.
const maxNamed = 500

// seconds are the upper bounds of the histograms' buckets.
var seconds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

func newMeter(st store.Store) *meter {
	m := &meter{set: metrics.NewSet(), store: st, states: map[string]string{}, asked: make(chan chan struct{})}
	m.begin()
	return m
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
	m.writeSessions(ctx, w)
	open := m.streams()
	for _, kind := range slices.Sorted(maps.Keys(open)) {
		fmt.Fprintf(w, "whatsapp_api_open_streams{kind=%q} %d\n", kind, open[kind])
	}
	m.writeWebhooks(ctx, w)
	metrics.WriteProcessMetrics(w)
	metrics.WriteFDMetrics(w)
}

// writeSessions writes how many sessions there are in each state: as the store knows them, and as they
// are where they run here. Of those that run here some are named.
func (m *meter) writeSessions(ctx context.Context, w io.Writer) {
	live := m.manager.Live()
	states := m.stored(ctx)
	for i, s := range live {
		snap := s.Snapshot()
		states[s.ID()] = string(snap.State)
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
	count := map[string]int{}
	for _, state := range states {
		count[state]++
	}
	for _, state := range whatsapp.States() {
		fmt.Fprintf(w, "whatsapp_api_sessions{state=%q} %d\n", state, count[string(state)])
	}
}

// stored is the state of every session as the store has it, or had it before it went away: sessions
// do not vanish with it.
func (m *meter) stored(ctx context.Context) map[string]string {
	states, err := m.store.Sessions().States(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.states = states
	}
	return maps.Clone(m.states)
}

const (
	backlogRest = 20              // a look at what waits for webhooks, two queries for each, is good for so many times as long as it took,
	backlogMost = time.Minute     // and no longer than that
	backlogWait = time.Second     // how long a scrape waits for a look
	backlogLook = 2 * time.Minute // how long a look may take
)

// Run looks at what waits for webhooks when somebody asks for metrics, until ctx ends. While the store
// does not say, what it said last stays; the failures are counted.
func (m *meter) Run(ctx context.Context) error {
	for {
		var done chan struct{}
		select {
		case done = <-m.asked:
		case <-ctx.Done():
			return nil
		}
		began := time.Now()
		look, cancel := context.WithTimeout(ctx, backlogLook)
		waiting, err := m.webhooks.WaitingAll(look, maxNamed)
		cancel()
		if err != nil {
			m.count("whatsapp_api_webhook_backlog_failures_total")
		}
		m.mu.Lock()
		if err == nil {
			m.waiting, m.goodUntil = waiting, time.Now().Add(min(backlogRest*time.Since(began), backlogMost))
		}
		m.mu.Unlock()
		close(done)
	}
}

// backlog is what waits for webhooks, as of a moment ago.
func (m *meter) backlog(ctx context.Context) []deliver.Waiting {
	m.mu.Lock()
	fresh := time.Now().Before(m.goodUntil)
	m.mu.Unlock()
	if !fresh {
		ctx, cancel := context.WithTimeout(ctx, backlogWait)
		defer cancel()
		done := make(chan struct{})
		select {
		case m.asked <- done:
			select {
			case <-done:
			case <-ctx.Done():
			}
		case <-ctx.Done(): // a look is under way
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting
}

// writeWebhooks writes what waits for each webhook.
func (m *meter) writeWebhooks(ctx context.Context, w io.Writer) {
	waiting := m.backlog(ctx)
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
	l.m.time(fmt.Sprintf(`whatsapp_api_commit_seconds{outcome=%q}`, outcome), time.Since(began))
	if err != nil {
		return kept, err
	}
	for _, e := range kept.Events {
		l.m.count(fmt.Sprintf(`whatsapp_api_events_total{event=%q}`, e.Name))
		if e.Name == whatsapp.EventSessionStatus {
			l.m.changed(e)
		}
	}
	for _, msg := range u.Messages {
		l.m.count(fmt.Sprintf(`whatsapp_api_messages_total{from_me="%t"}`, msg.FromMe))
	}
	return kept, nil
}
