package app

import (
	"whatsapp-api/app/events"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/app/service/link"
)

// webhooks makes the rules of outgoing webhooks, and the courier that delivers, which is to run
// beside the HTTP server.
func (a *App) webhooks(log *events.Log, sessions *link.Sessions, tokens *account.Tokens, opt Options, m *meter) (*deliver.Webhooks, *deliver.Courier, error) {
	private := a.cfg.WebhookPrivateTargets
	if len(private) == 0 && opt.sandboxed() { // who tries things out has his receiver on this machine
		private = []string{"127.0.0.0/8", "::1/128"}
	}
	targets, err := deliver.NewTargets(private)
	if err != nil {
		return nil, nil, err
	}
	pace := opt.Webhooks
	if pace == (deliver.Pace{}) {
		pace = deliver.DefaultPace()
	}
	courier := deliver.NewCourier(deliver.CourierConfig{
		Store: a.store, Events: log, Targets: targets, Users: tokens.Ended, Pace: pace, Version: opt.Version, Log: a.log.Named("webhooks"), Observe: m.delivery,
	})
	return &deliver.Webhooks{
		Store: a.store, Events: log, Sessions: sessions, Courier: courier, Targets: targets, Log: a.log.Named("webhooks"),
	}, courier, nil
}
