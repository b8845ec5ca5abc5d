package app

import (
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/app/service/link"
	"whatsapp-api/app/service/stream"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// rules are what the routes stand on.
type rules struct {
	manager  *whatsapp.Manager
	store    store.Store
	events   *events.Log
	accounts *account.Accounts
	login    *account.Login
	tokens   *account.Tokens
	keys     *account.Keys
	audit    *account.Audit
	sessions *link.Sessions
	handover *link.Handover
	webhooks *deliver.Webhooks
	messages *chat.Messages
	sending  *chat.Sending
	places   *stream.Places
	rates    *service.Rates
}
