package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"whatsapp-api/app/api"
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/configs"
	"whatsapp-api/store"
	"whatsapp-api/store/sqlite"
	"whatsapp-api/web"
	"whatsapp-api/whatsapp"
)

// Options say in which mode the server runs.
type Options struct {
	Sandbox   bool   // with a WhatsApp server of its own, on loopback
	SandboxAt string // control address of a sandbox that runs elsewhere, e.g. http://127.0.0.1:8444
	Version   string
	Timing    whatsapp.Timing // zero: what real WhatsApp wants; tests shorten it
	Webhooks  service.Pace    // zero: service.DefaultPace; tests shorten it
	Lease     time.Duration   // how long sessions in MongoDB stay this server's without a word of it; zero: 15 s; tests shorten it
}

// part is something that runs until its context ends.
type part interface{ Run(context.Context) error }

// timing looks for sessions without an owner as often as a lease is renewed.
func (o Options) timing() whatsapp.Timing {
	t := o.Timing
	if t == (whatsapp.Timing{}) {
		t = whatsapp.DefaultTiming()
	}
	if o.Lease > 0 {
		t.Leases = o.Lease / 3
	}
	return t
}

func (o Options) sandboxed() bool { return o.Sandbox || o.SandboxAt != "" }

// App is the whole server. New opens its parts, Run serves until its context ends.
type App struct {
	cfg     configs.Config
	log     *zap.Logger
	owner   *sqlite.Owner // of the SQLite file; nil on MongoDB
	store   store.Store
	manager *whatsapp.Manager
	parts   []part // what runs beside the HTTP server
	api     *api.API
	world   *world // nil: the real WhatsApp
	server  *http.Server
	socket  net.Listener
}

// New opens the store, the sandbox if there is one, and the HTTP address. Whoever gets an
// App must call Run, which closes everything.
func New(ctx context.Context, cfg configs.Config, opt Options, log *zap.Logger) (_ *App, err error) {
	a := &App{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			a.closeParts()
		}
	}()
	if a.owner, err = own(cfg, opt.sandboxed()); err != nil {
		return nil, err
	}
	if a.store, err = openStore(ctx, cfg, opt, log); err != nil {
		return nil, err
	}
	if err := checkMode(ctx, a.store, opt.sandboxed()); err != nil {
		return nil, err
	}
	if a.world, err = openWorld(ctx, cfg, opt, log); err != nil {
		return nil, err
	}
	key, err := signingKey(ctx, cfg, a.store)
	if err != nil {
		return nil, err
	}
	if err := a.build(ctx, key, opt); err != nil {
		return nil, err
	}
	address := net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))
	if a.socket, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address); err != nil {
		return nil, fmt.Errorf("HOST, PORT: cannot listen on %s: %w", address, err)
	}
	if a.owner != nil {
		if err := a.owner.Listens("http://" + a.Addr()); err != nil {
			return nil, fmt.Errorf("DATA_DIR: %w", err)
		}
	}
	if err := a.welcome(ctx, opt); err != nil {
		return nil, err
	}
	return a, nil
}

// build makes the parts that need no closing.
func (a *App) build(ctx context.Context, key []byte, opt Options) error {
	log := events.New(a.store.Log())
	m := newMeter(a.store)
	var err error
	a.manager, err = whatsapp.New(whatsapp.Config{
		Store: a.store, Log: metered{log, m}, Logger: a.log.Named("whatsapp"), Upstream: a.world.upstream(),
		StartConcurrency: a.cfg.StartConcurrency, QRCodes: a.cfg.QRCodes, SendTimeout: a.cfg.SendTimeout, QueueMaxAge: a.cfg.QueueMaxAge, Timing: opt.timing(),
	})
	if err != nil {
		return err
	}
	m.manager = a.manager
	keys := service.NewKeys(a.store.APIKeys(), a.store.Users(), a.log.Named("keys"))
	tokens := service.NewTokens(a.store.Tokens(), a.store.Users(), key, a.cfg.TokenTTL).WithKeys(keys)
	accounts := service.NewAccounts(a.store.Users(), tokens, a.log.Named("users"))
	accounts.Keys = a.store.APIKeys()
	audit := service.NewAudit(a.store.Audit(), a.log.Named("audit"))
	janitor := &service.Janitor{Store: a.store, Events: a.cfg.EventRetention, Audit: a.cfg.AuditRetention, Every: time.Hour, Log: a.log.Named("janitor")}
	a.parts = []part{a.manager, janitor, keys, audit}
	if a.cfg.MetricsListen != "" {
		s, err := openMetrics(ctx, a.cfg.MetricsListen, m)
		if err != nil {
			return err
		}
		a.parts = append(a.parts, s)
	}
	sessions := &service.Sessions{Manager: a.manager, Store: a.store, Forget: log.Forget, Log: a.log.Named("sessions")}
	webhooks, err := a.webhooks(log, sessions, tokens, opt)
	if err != nil {
		return err
	}
	m.webhooks = webhooks
	proxies, err := service.ParseNetworks(a.cfg.TrustedProxies)
	if err != nil {
		return fmt.Errorf("TRUSTED_PROXIES: %w", err)
	}
	inbound, err := service.ParseNetworks(a.cfg.WebhookAllowedIPs)
	if err != nil {
		return fmt.Errorf("WEBHOOK_ALLOWED_IPS: %w", err)
	}
	a.api = api.New(api.Config{
		Manager: a.manager, Store: a.store, Log: log, Accounts: accounts, Login: service.NewLogin(accounts), Tokens: tokens,
		Sessions: sessions, Webhooks: webhooks,
		Idempotency: service.NewIdempotency(a.store.Idempotency(), a.log.Named("idempotency")),
		Keys:        keys, Audit: audit, Rates: service.NewRates(a.cfg.RateLimit), Proxies: proxies,
		Inbound: api.Inbound{Token: string(a.cfg.WebhookToken), Addresses: inbound},
		Origins: a.cfg.FrontendURL, Sandbox: a.world.control(), Web: web.Docs(), Version: opt.Version, Logger: a.log.Named("api"),
		Observe: m.request, WriteMetrics: m.write,
	})
	a.server = &http.Server{
		Handler: a.api, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 150 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: zap.NewStdLog(a.log.Named("http")),
	}
	return nil
}

// Addr is the HTTP address that the server listens on.
func (a *App) Addr() string { return a.socket.Addr().String() }

// Run serves until ctx ends, then stops the parts in reverse order: HTTP first, the sessions
// next, the store last. It gives what is under way SHUTDOWN_GRACE to end.
func (a *App) Run(ctx context.Context) error {
	defer a.closeParts()
	parts, stopParts := context.WithCancel(context.Background())
	defer stopParts()
	var g errgroup.Group
	for _, p := range a.parts {
		g.Go(func() error { return p.Run(parts) })
	}
	failed := make(chan error, 1)
	go func() {
		if err := a.server.Serve(a.socket); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	a.log.Info("listening", zap.String("url", "http://"+a.Addr()), zap.String("store", a.store.Name()), zap.Bool("sandbox", a.manager.Sandbox()))
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	a.log.Info("stopping")
	grace, cancel := context.WithTimeout(context.Background(), a.cfg.ShutdownGrace)
	defer cancel()
	a.api.Close(grace)
	if e := a.server.Shutdown(grace); e != nil {
		a.log.Warn("requests were cut", zap.Error(e))
		err = errors.Join(err, e, a.server.Close())
	}
	stopParts()
	return errors.Join(err, within(grace, g.Wait))
}

// within runs f and gives up waiting when ctx ends.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("sessions did not end in time (SHUTDOWN_GRACE)")
	}
}

// closeParts closes what is open, the store before the world that may still hold its words.
func (a *App) closeParts() {
	if a.socket != nil {
		_ = a.socket.Close() // Serve has closed it already, in most cases
	}
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			a.log.Error("store not closed cleanly", zap.Error(err))
		}
	}
	if a.owner != nil {
		if err := a.owner.Release(); err != nil {
			a.log.Error("lock of the store not released cleanly", zap.Error(err))
		}
	}
	a.world.close(a.log)
}

// signingKey is JWT_SECRET, or a key that is made once and kept in the store.
func signingKey(ctx context.Context, cfg configs.Config, st store.Store) ([]byte, error) {
	if cfg.JWTSecret != "" {
		return []byte(cfg.JWTSecret), nil
	}
	fresh := make([]byte, 48)
	rand.Read(fresh)
	key, err := st.Secrets().GetOrCreate(ctx, "jwt", []byte(hex.EncodeToString(fresh)))
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return key, nil
}

// checkMode refuses to mix: sessions of the real WhatsApp would be logged out by a sandbox
// that does not know them.
func checkMode(ctx context.Context, st store.Store, sandbox bool) error {
	mode := "real"
	if sandbox {
		mode = "sandbox"
	}
	was, err := st.Secrets().GetOrCreate(ctx, "mode", []byte(mode))
	if err != nil {
		return fmt.Errorf("mode of the store: %w", err)
	}
	if string(was) != mode {
		return fmt.Errorf("this store belongs to %s sessions and cannot be used for %s ones; set another DATA_DIR or database", was, mode)
	}
	return nil
}

// dataDir is where this mode keeps its files.
func dataDir(cfg configs.Config, sandbox bool) string {
	if sandbox {
		return filepath.Join(cfg.DataDir, "sandbox")
	}
	return cfg.DataDir
}
