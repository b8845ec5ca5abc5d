package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// methods are those that have a name in metrics: a client can send any.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// request counts an answered request. route is a pattern, empty where there is none.
func (m *meter) request(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	if !slices.Contains(methods, method) {
		method = "other"
	}
	m.time(fmt.Sprintf(`whatsapp_api_http_request_seconds{method=%q,route=%q,status="%dxx"}`, method, route, status/100), took)
}

// sent counts a send, by the code of what went wrong.
func (m *meter) sent(err error, took time.Duration) {
	m.time(fmt.Sprintf(`whatsapp_api_send_seconds{outcome=%q}`, api.CodeOf(err)), took)
}

// lagged counts a client that was cut because it reads too slowly.
func (m *meter) lagged() { m.count(`whatsapp_api_clients_lagged_total`) }

// login counts a login; outcome is ok, wrong or limited.
func (m *meter) login(outcome string) {
	m.count(fmt.Sprintf(`whatsapp_api_logins_total{outcome=%q}`, outcome))
}

// delivery counts what came of an attempt to deliver to a webhook, or a delivery that was given up.
func (m *meter) delivery(outcome string, took time.Duration) {
	if outcome == store.DeliveryDead {
		m.count(`whatsapp_api_webhook_dead_letters_total`)
		return
	}
	m.time(fmt.Sprintf(`whatsapp_api_webhook_delivery_seconds{outcome=%q}`, outcome), took)
}

// changed counts a session's way into another state, such as reconnecting, and notes in the audit log
// that a phone has linked it.
func (m *meter) changed(e store.Event) {
	var data struct {
		Previous string `json:"previous"`
		Session  struct {
			State string `json:"state"`
		} `json:"session"`
	}
	if json.Unmarshal(e.Data, &data) != nil || data.Session.State == data.Previous || !slices.Contains(whatsapp.States(), whatsapp.State(data.Session.State)) {
		return // the same state for another reason
	}
	m.count(fmt.Sprintf(`whatsapp_api_session_changes_total{state=%q}`, data.Session.State))
	if data.Previous == string(whatsapp.QR) && data.Session.State == string(whatsapp.Syncing) {
		m.audit.Linked(e.SessionID)
	}
}

func (m *meter) count(name string) { m.set.GetOrCreateCounter(name).Inc() }

func (m *meter) time(name string, took time.Duration) {
	m.set.GetOrCreatePrometheusHistogramExt(name, seconds).Update(took.Seconds())
}

// begin shows what has not happened yet as 0, so that its first time is a rise.
func (m *meter) begin() {
	for _, outcome := range []string{"ok", "wrong", "limited"} {
		m.set.GetOrCreateCounter(fmt.Sprintf(`whatsapp_api_logins_total{outcome=%q}`, outcome))
	}
	for _, state := range whatsapp.States() {
		m.set.GetOrCreateCounter(fmt.Sprintf(`whatsapp_api_session_changes_total{state=%q}`, state))
	}
	for _, name := range []string{`whatsapp_api_clients_lagged_total`, `whatsapp_api_webhook_dead_letters_total`, `whatsapp_api_webhook_backlog_failures_total`, `whatsapp_api_audit_lost_total`} {
		m.set.GetOrCreateCounter(name)
	}
}
