package app

import (
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
)

// webhooks makes the rules of outgoing webhooks, and the courier that delivers, which is to run
// beside the HTTP server.
func (a *App) webhooks(log *events.Log, sessions *service.Sessions, tokens *service.Tokens, opt Options, m *meter) (*service.Webhooks, *service.Courier, error) {
	private := a.cfg.WebhookPrivateTargets
	if len(private) == 0 && opt.sandboxed() { // who tries things out has his receiver on this machine
		private = []string{"127.0.0.0/8", "::1/128"}
	}
	targets, err := service.NewTargets(private)
	if err != nil {
		return nil, nil, err
	}
	pace := opt.Webhooks
	if pace == (service.Pace{}) {
		pace = service.DefaultPace()
	}
	courier := service.NewCourier(service.CourierConfig{
		Store: a.store, Events: log, Targets: targets, Users: tokens.Ended, Pace: pace, Version: opt.Version, Log: a.log.Named("webhooks"), Observe: m.delivery,
	})
	return &service.Webhooks{
		Store: a.store, Events: log, Sessions: sessions, Courier: courier, Targets: targets, Log: a.log.Named("webhooks"),
	}, courier, nil
}
