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
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/app/service/deliver"
	"whatsapp-api/app/service/link"
	"whatsapp-api/app/service/operate"
	"whatsapp-api/app/service/stream"
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
	Webhooks  deliver.Pace    // zero: deliver.DefaultPace; tests shorten it
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
	phases  []phase // what runs beside the HTTP server, in the order in which it is stopped
	front   front
	world   *world // nil: the real WhatsApp
	server  *http.Server
	socket  net.Listener
	closing sync.Once // of what New has opened

	endRequests context.CancelFunc // tells requests that run still to answer what there is
}

// New opens the store, the sandbox if there is one, and the HTTP address. Whoever gets an
// App must call Run, which closes everything.
func New(ctx context.Context, cfg configs.Config, opt Options, log *zap.Logger) (_ *App, err error) {
	a := &App{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			_ = a.closeParts() // which logs what goes wrong
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
	keys := account.NewKeys(a.store.APIKeys(), a.store.Users(), a.log.Named("keys"))
	tokens := account.NewTokens(a.store.Tokens(), a.store.Users(), key, a.cfg.TokenTTL).WithKeys(keys)
	accounts := account.NewAccounts(a.store.Users(), tokens, a.log.Named("users"))
	accounts.Keys = a.store.APIKeys()
	m.manager, m.audit = a.manager, account.NewAudit(a.store.Audit(), a.log.Named("audit"))
	janitor := &operate.Janitor{Store: a.store, Events: a.cfg.EventRetention, Audit: a.cfg.AuditRetention, Every: time.Hour, Log: a.log.Named("janitor")}
	records := []part{janitor, keys, m.audit, m}
	if a.cfg.MetricsListen != "" {
		s, err := openMetrics(ctx, a.cfg.MetricsListen, m)
		if err != nil {
			return err
		}
		records = append(records, s)
	}
	sessions := &link.Sessions{Manager: a.manager, Store: a.store, Forget: log.Forget, Most: a.cfg.SessionsPerUser, Log: a.log.Named("sessions")}
	webhooks, courier, err := a.webhooks(log, sessions, tokens, opt, m)
	if err != nil {
		return err
	}
	records = append(records, a.others(log, tokens, webhooks.Courier)...)
	m.webhooks = webhooks
	a.phases = []phase{{"sessions", 0.65, []part{a.manager}}, {"webhooks", 0.85, []part{courier}}, {"records", 0.9, records}}
	proxies, err := service.ParseNetworks(a.cfg.TrustedProxies)
	if err != nil {
		return fmt.Errorf("TRUSTED_PROXIES: %w", err)
	}
	inbound, err := service.ParseNetworks(a.cfg.WebhookAllowedIPs)
	if err != nil {
		return fmt.Errorf("WEBHOOK_ALLOWED_IPS: %w", err)
	}
	login := account.NewLogin(accounts)
	login.Observe, m.audit.Lost = m.login, func() { m.count("whatsapp_api_audit_lost_total") }
	a.front = newFront(rules{
		manager: a.manager, store: a.store, events: log, accounts: accounts, login: login, tokens: tokens, keys: keys, audit: m.audit, sessions: sessions, webhooks: webhooks,
		handover: &link.Handover{Store: a.store, Events: log, Courier: courier, Keys: keys, Sessions: a.manager, Log: a.log.Named("sessions")},
		messages: &chat.Messages{Records: a.store.Messages(), Log: a.log.Named("messages")},
		sending:  &chat.Sending{Once: chat.NewIdempotency(a.store.Idempotency(), a.log.Named("idempotency")), Observe: m.sent},
		places:   &stream.Places{Calls: a.store.Idempotency(), For: 2 * a.cfg.EventRetention},
		rates:    service.NewRates(a.cfg.RateLimit),
	}, outside{
		cfg: a.cfg, proxies: proxies, inboundFrom: inbound, sandbox: a.world.control(), pages: web.Docs(), version: opt.Version, log: a.log.Named("api"),
		request: m.request, lagged: m.lagged, metrics: m.write,
	})
	m.streams = a.front.streams.OpenStreams
	requests, end := context.WithCancelCause(context.Background())
	a.endRequests = func() { end(whatsapp.ErrStopping) }
	a.server = &http.Server{
		BaseContext: func(net.Listener) context.Context { return requests },
		Handler:     a.front, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 150 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: zap.NewStdLog(a.log.Named("http")),
	}
	return nil
}

// Addr is the HTTP address that the server listens on.
func (a *App) Addr() string { return a.socket.Addr().String() }

// Run serves until ctx ends, then stops the parts in reverse order: HTTP first, the sessions
// next, the store last. It gives what is under way SHUTDOWN_GRACE to end, a share of it to each. nil:
// all has ended in order.
func (a *App) Run(ctx context.Context) error {
	running := a.startParts()
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
	return errors.Join(err, a.stop(running))
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
