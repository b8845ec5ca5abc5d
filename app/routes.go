package app

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/api"
	"whatsapp-api/app/api/account"
	"whatsapp-api/app/api/chat"
	"whatsapp-api/app/api/deliver"
	"whatsapp-api/app/api/link"
	"whatsapp-api/app/api/operate"
	"whatsapp-api/app/api/stream"
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// rules are what the routes stand on.
type rules struct {
	manager     *whatsapp.Manager
	store       store.Store
	events      *events.Log
	accounts    *service.Accounts
	login       *service.Login
	tokens      *service.Tokens
	keys        *service.Keys
	audit       *service.Audit
	sessions    *service.Sessions
	handover    *service.Handover
	webhooks    *service.Webhooks
	idempotency *service.Idempotency
	places      *service.Places
	rates       *service.Rates
}

// outside is how the routes are reached, and who hears of it.
type outside struct {
	proxies      service.Networks
	origins      []string
	limits       stream.Limits
	inboundToken string
	inboundFrom  service.Networks
	sandbox      http.Handler // control routes; nil: none
	pages        http.Handler // documentation; nil: none
	version      string
	log          *zap.Logger

	request func(method, route string, status int, took time.Duration)
	sent    func(outcome string, took time.Duration)
	lagged  func()
	metrics func(context.Context, io.Writer)
}

// chapters of the document come in the order in which a newcomer needs them.
func chapters() []api.Chapter {
	return []api.Chapter{
		{Name: "users"},
		{Name: "sessions"},
		{Name: "messages"},
		{Name: stream.Chapter},
		{Name: "webhooks", About: deliver.About},
		{Name: "api-keys"},
		{Name: "audit"},
		{Name: api.ChapterHealth},
	}
}

// front is the HTTP side: it puts the rows of all rooms into one table, which says what there is, and
// gives each noun the rules that it needs and no more.
func front(r rules, o outside) (*api.API, *stream.Hub) {
	hub := stream.New(stream.Config{
		Log: r.events, Sessions: r.sessions, Tokens: r.tokens, Places: r.places, Limits: o.limits, Origins: o.origins, Lagged: o.lagged, Logger: o.log,
	})
	keys := account.Keys{Store: r.store, Keys: r.keys}
	webhooks := deliver.Webhooks{Webhooks: r.webhooks}
	var table api.Table
	table.Endpoints = slices.Concat(
		account.Logins{Login: r.login, Tokens: r.tokens}.Endpoints(),
		account.Users{Store: r.store, Accounts: r.accounts}.Endpoints(),
		link.Sessions{Manager: r.manager, Sessions: r.sessions, Handover: r.handover, Ended: hub.EndOf}.Endpoints(),
		link.QR{Poll: hub.Poll}.Endpoints(),
		operate.Sessions{Store: r.store, Log: r.events, Webhooks: r.webhooks}.Endpoints(),
		chat.Chats{Store: r.store}.Endpoints(),
		chat.Messages{Store: r.store, Sessions: r.sessions}.Endpoints(),
		chat.Sending{Idempotency: r.idempotency, Sent: o.sent}.Endpoints(),
		deliver.Inbound{Manager: r.manager, Token: o.inboundToken, Addresses: o.inboundFrom}.Endpoints(),
		hub.Endpoints(),
		webhooks.Endpoints(),
		keys.Endpoints(),
		account.Audit{Store: r.store}.Endpoints(),
		operate.Health{Manager: r.manager, Store: r.store, Version: o.version}.Endpoints(),
	)
	table.Routes = slices.Concat(
		hub.Routes(),
		operate.Metrics{Tokens: r.tokens, Write: o.metrics}.Routes(),
		operate.Sandbox{Control: o.sandbox, UntilStop: hub.UntilStop}.Routes(),
		operate.Pages{Docs: o.pages}.Routes(),
	)
	if r.keys != nil {
		r.keys.Scopes = table.Scopes
	}
	table.Describe = []api.Describe{hub.Describe, webhooks.Describe, keys.Describe}
	return api.New(api.Config{
		Tokens: r.tokens, Sessions: r.sessions, Manager: r.manager, Rates: r.rates, Audit: r.audit, Proxies: o.proxies, Origins: o.origins,
		Version: o.version, Chapters: chapters(), Watch: o.request, Logger: o.log,
	}, table), hub
}

// OpenAPI renders the API's document without running anything.
func OpenAPI(version string) ([]byte, error) {
	routes, hub := front(rules{}, outside{version: version, log: zap.NewNop()})
	defer hub.Close(context.Background())
	return routes.Document().MarshalJSON()
}
