package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"whatsapp-api/whatsapp/sandbox/nodetest"

	"golang.org/x/sync/errgroup"
)

// run soaks every store, each in a folder of its own, which is gone afterwards unless
// something was wrong.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "whatsapp-api-soak-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil || o.keep {
			progress("logs are in %s", dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	progress("seed %d; building the server", o.seed)
	binary, err := build(ctx, dir, o.race)
	if err != nil {
		return err
	}
	script := ""
	if o.mode == "deliver" {
		switch script, err = findSocketIO(ctx); {
		case errors.Is(err, nodetest.ErrMissing) && os.Getenv("REQUIRE_ALL") != "1":
			progress("the client of Socket.IO is SKIPPED: %v", err)
		case err != nil:
			return err
		default:
			defer func() { err = errors.Join(err, os.Remove(script)) }()
		}
	}
	r := report{}
	var wrong error
	for _, store := range o.stores {
		s := &soak{o: o, store: store, dir: filepath.Join(dir, store), binary: binary, script: script, ledger: newLedger(), faults: map[string]int{}, settings: map[chatKey]setting{}, life: ctx}
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return err
		}
		if err := s.run(ctx, &r); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", store, err))
		}
	}
	return errors.Join(wrong, r.print(out))
}

// soak is the soak of one store.
type soak struct {
	o              options
	store          string
	dir            string
	binary, script string
	life           context.Context // of the whole soak

	database *database
	world    *world
	gateway  *gateway
	endpoint *endpoint
	hook     string // id of the webhook
	places   []*place
	sessions []*session
	contacts []*contact
	groups   []*group
	herald   *contact // writes where the driver wants something to come in
	stranger string   // number of a phone that sends what no honest one does
	settings map[chatKey]setting
	ledger   *ledger
	audits   map[string]*audit // by contact
	faults   map[string]int    // made, by kind
}

// session is a linked account.
type session struct{ id, phone string }

func (s *soak) run(ctx context.Context, r *report) (err error) {
	var closing []func() error
	defer func() {
		for i := len(closing) - 1; i >= 0; i-- {
			err = errors.Join(err, closing[i]())
		}
	}()
	progress("%s: starting the sandbox and the server", s.store)
	s.database, err = openDatabase(s.store, s.dir)
	if s.database != nil {
		closing = append(closing, s.database.close)
	}
	if err != nil {
		return err
	}
	if s.world, err = openWorld(s.binary, s.dir); err != nil {
		return err
	}
	closing = append(closing, s.world.close)
	s.gateway, err = openGateway(ctx, s.binary, s.dir, s.world, s.database.settings())
	if s.gateway != nil && s.gateway.p != nil {
		closing = append(closing, func() error { return s.gateway.p.stop() })
	}
	if err != nil {
		return err
	}
	if s.o.mode == "reconnect" {
		return s.reconnect(ctx, r)
	}
	return s.deliver(ctx, r)
}

// deliver lets messages in and out while things break, then compares both ends.
func (s *soak) deliver(ctx context.Context, r *report) error {
	consuming, stop := context.WithCancel(ctx)
	var consumers errgroup.Group
	defer func() { stop(); _ = consumers.Wait() }() // they return nothing
	if err := s.populate(ctx); err != nil {
		return err
	}
	s.consume(consuming, &consumers)
	if err := s.storm(ctx); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.compare(ctx, r)
}

// populate makes the webhook, the sessions and the contacts. The webhook comes first, so
// that it gets every event there is.
func (s *soak) populate(ctx context.Context) (err error) {
	if s.stranger, err = s.world.phone(ctx, "Stranger"); err != nil {
		return err
	}
	hook := newPlace("webhook", false)
	hook.stranger = s.stranger
	if s.endpoint, err = openEndpoint(ctx, hook, s.ledger); err != nil {
		return err
	}
	var made struct {
		ID string `json:"id"`
	}
	err = s.gateway.calls.do(ctx, "POST", "/api/v1/webhooks", map[string]any{"url": "http://" + s.endpoint.address + "/", "timeoutSeconds": 2}, &made)
	if err != nil {
		return err
	}
	s.hook = made.ID
	for i := range s.o.sessions {
		id := fmt.Sprintf("s%d", i+1)
		phone, err := s.gateway.link(ctx, s.world, id)
		if err != nil {
			return fmt.Errorf("link %s: %w", id, err)
		}
		s.sessions = append(s.sessions, &session{id, phone})
	}
	s.audits = map[string]*audit{}
	for i := range s.o.phones + 1 {
		phone, err := s.world.phone(ctx, fmt.Sprintf("Contact %d", i))
		if err != nil {
			return err
		}
		s.contacts = append(s.contacts, &contact{phone: phone})
		s.audits[phone] = &audit{}
	}
	s.herald = s.contacts[0]
	if err := s.gateway.awaitState(ctx, connected, s.o.sessions); err != nil {
		return err
	}
	return s.makeGroups(ctx)
}

// consume follows the events over every transport.
func (s *soak) consume(ctx context.Context, g *errgroup.Group) {
	ws, sse, sio := newPlace("ws", true), newPlace("sse", true), newPlace("sio", true)
	ws.saw = s.ledger.saw
	ws.stranger, sse.stranger, sio.stranger = s.stranger, s.stranger, s.stranger
	calls := &s.gateway.calls
	wsc := &wsClient{place: ws, calls: calls, sessions: s.ids()}
	ssec := &sseClient{place: sse, calls: calls, web: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}
	s.places = []*place{ws, sse, s.endpoint.place}
	start := func(p *place, once func(context.Context) error) {
		g.Go(func() error {
			follow(ctx, p, s.ledger, once)
			return nil
		})
	}
	start(ws, wsc.once)
	start(sse, ssec.once)
	if s.script != "" {
		sioc := &sioClient{place: sio, script: s.script, calls: calls, sessions: s.ids()}
		s.places = []*place{ws, sio, sse, s.endpoint.place}
		start(sio, sioc.once)
	}
}

func (s *soak) ids() (ids []string) {
	for _, one := range s.sessions {
		ids = append(ids, one.id)
	}
	return ids
}

// storm is the time in which messages go and faults happen.
func (s *soak) storm(ctx context.Context) error {
	loading, stop := context.WithCancel(ctx)
	defer stop()
	g, loading := errgroup.WithContext(loading)
	for i, c := range s.contacts[1:] {
		random := rand.New(rand.NewPCG(s.o.seed, uint64(i+1)))
		g.Go(func() error { return s.chatter(loading, c, random) })
	}
	for i, one := range s.sessions {
		to := s.contacts[1+i%s.o.phones]
		g.Go(func() error { return s.sending(loading, one, to.phone) })
	}
	g.Go(func() error {
		defer stop()
		return s.drive(ctx, loading)
	})
	g.Go(func() error {
		s.tell(loading)
		return nil
	})
	return g.Wait()
}

// tell says now and then how it goes.
func (s *soak) tell(ctx context.Context) {
	for pause(ctx, 10*time.Second) {
		in, out := s.ledger.totals()
		progress("%s: %d in, %d out, %d on their way", s.store, in, out, s.ledger.unseen())
	}
}
