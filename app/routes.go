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
	"whatsapp-api/app/service"
	"whatsapp-api/configs"
)

// outside is how the routes are reached, and who hears of it.
type outside struct {
	cfg         configs.Config
	proxies     service.Networks // whose word on where a request comes from is believed
	inboundFrom service.Networks // who may post messages of another service
	sandbox     http.Handler     // control routes; nil: none
	pages       http.Handler     // documentation; nil: none
	version     string
	log         *zap.Logger

	request func(method, route string, status int, took time.Duration)
	lagged  func()
	metrics func(context.Context, io.Writer)
}

// front is the HTTP side, and the streams that it has open.
type front struct {
	*api.API
	streams *stream.Hub
}

// chapters of the document come in the order in which a newcomer needs them.
func chapters() []api.Chapter {
	return []api.Chapter{
		{Name: "users", About: "Who may log in to this server, and the login itself. The first admin is made on the command line (create-admin) or by ADMIN_EMAIL and ADMIN_PASSWORD."},
		{Name: "sessions", About: "A session is one WhatsApp account, linked as a companion device. Create it, start it, show its QR code to the phone; from then on its state tells what is."},
		{Name: "messages", About: "Chats with their messages, and sending. A chat or a person may be named by a phone number in any usual spelling, a JID or a LID."},
		{Name: stream.Chapter},
		{Name: "webhooks", About: deliver.About},
		{Name: "api-keys", About: "Keys for programs: limited to scopes, sessions, addresses and a time. Made by whoever is logged in with a password."},
		{Name: "audit", About: "Who did what, for admins."},
		{Name: api.ChapterHealth, About: "What monitoring asks, and this document."},
	}
}

// newFront puts the rows of all rooms into one table, which says what there is, and gives each noun the rules
// that it needs and no more.
func newFront(r rules, o outside) front {
	hub := stream.New(stream.Config{
		Log: r.events, Sessions: r.sessions, Tokens: r.tokens, Places: r.places, Origins: o.cfg.FrontendURL, Lagged: o.lagged, Logger: o.log,
		Limits: stream.Limits{PerUser: o.cfg.StreamsPerUser, Unauthenticated: o.cfg.Unauthenticated, FramesPerSecond: o.cfg.FramesPerSecond},
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
		chat.Messages{Store: r.store, Messages: r.messages}.Endpoints(),
		chat.Sending{Sending: r.sending}.Endpoints(),
		chat.Acts{Sending: r.sending}.Endpoints(),
		deliver.Inbound{Manager: r.manager, Token: string(o.cfg.WebhookToken), Addresses: o.inboundFrom}.Endpoints(),
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
	return front{api.New(api.Config{
		Tokens: r.tokens, Sessions: r.sessions, Rates: r.rates, Audit: r.audit, Proxies: o.proxies, Origins: o.cfg.FrontendURL,
		Version: o.version, Chapters: chapters(), Watch: o.request, Logger: o.log,
	}, table), hub}
}

// OpenAPI renders the API's document without running anything.
func OpenAPI(version string) ([]byte, error) {
	f := newFront(rules{}, outside{version: version, log: zap.NewNop()})
	defer f.streams.Close(context.Background())
	return f.Document().MarshalJSON()
}
