package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	adminEmail    = "soak@example.com"
	adminPassword = "a password for one run"
)

// gateway is the server under test. It keeps its address over restarts, as a service does.
type gateway struct {
	binary, dir string
	world       string // control address of the sandbox
	settings    []string
	metrics     string // address
	calls       caller

	p *process
}

func openGateway(ctx context.Context, binary, dir string, w *world, settings []string) (*gateway, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	metrics, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	g := &gateway{binary: binary, dir: dir, world: w.calls.base, metrics: fmt.Sprintf("127.0.0.1:%d", metrics)}
	g.calls = newCaller(fmt.Sprintf("http://127.0.0.1:%d", port))
	// A send that is not acknowledged is given up soon, so that the soak asks again.
	g.settings = slices.Concat(settings, []string{"HOST=127.0.0.1", "PORT=" + strconv.Itoa(port), "METRICS_LISTEN=" + g.metrics, "SEND_TIMEOUT=5s", "LOG_FORMAT=json", "RATE_LIMIT=0"})
	if err := g.admin(ctx); err != nil {
		return nil, err
	}
	return g, g.start(ctx)
}

func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// admin makes the one who logs in.
func (g *gateway) admin(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, g.binary, "create-admin", "--sandbox", "--email", adminEmail, "--password-stdin")
	cmd.Dir, cmd.Env, cmd.Stdin = g.dir, g.settings, strings.NewReader(adminPassword+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("create the admin: %w: %s", err, out)
	}
	return nil
}

func (g *gateway) log() string { return filepath.Join(g.dir, "gateway.log") }

func (g *gateway) launch() (err error) {
	g.p, err = launch(g.log(), g.dir, g.binary, []string{"serve", "--sandbox-at", g.world}, g.settings)
	return err
}

// start returns when the server answers, and somebody is logged in.
func (g *gateway) start(ctx context.Context) error {
	if err := g.launch(); err != nil {
		return err
	}
	if err := g.awaitReady(ctx); err != nil {
		return err
	}
	if g.calls.token != "" {
		return g.awaitOwned(ctx)
	}
	var login struct {
		Token string `json:"token"`
	}
	err := g.calls.do(ctx, "POST", "/api/v1/users/login", map[string]string{"email": adminEmail, "password": adminPassword}, &login)
	g.calls.token = login.Token
	return err
}

// awaitOwned waits until the server runs its sessions: one that was killed owns them until its lease
// is over, and what it left is seen by all only then.
func (g *gateway) awaitOwned(ctx context.Context) error {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := g.calls.do(ctx, "GET", "/api/v1/sessions?limit=200", nil, &list); err != nil {
		return err
	}
	for _, one := range list.Data {
		err := until(ctx, "the server owns "+one.ID, func(ctx context.Context) (bool, error) {
			a, err := g.calls.ask(ctx, "POST", "/api/v1/sessions/"+one.ID+"/listen", nil)
			return err == nil && a.code != ownedElsewhere, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitReady waits until the server says that it can do its work.
func (g *gateway) awaitReady(ctx context.Context) error {
	return until(ctx, "the server gets ready", func(ctx context.Context) (bool, error) {
		if g.p.gone() {
			return false, fmt.Errorf("the server is gone: %s", g.p.cmd.ProcessState)
		}
		status, err := g.ready(ctx)
		return status == http.StatusOK, err
	})
}

func (g *gateway) ready(ctx context.Context) (int, error) {
	a, err := g.calls.ask(ctx, "GET", "/readyz", nil)
	if err == nil && a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
		err = fmt.Errorf("GET /readyz: %d: %s", a.status, a.body)
	}
	return a.status, err
}

// gauges reads /metrics, which needs no store.
func (g *gateway) gauges(ctx context.Context) (map[string]float64, error) {
	metrics := caller{base: "http://" + g.metrics, http: g.calls.http}
	a, err := metrics.ask(ctx, "GET", "/metrics", nil)
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(a.body)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			all[name] = n
		}
	}
	return all, nil
}

// awaitState waits until so many sessions are in a state.
func (g *gateway) awaitState(ctx context.Context, state string, sessions int) error {
	gauge := fmt.Sprintf("whatsapp_api_sessions{state=%q}", state)
	return until(ctx, fmt.Sprintf("%d sessions get %s", sessions, state), func(ctx context.Context) (bool, error) {
		now, err := g.gauges(ctx)
		if err == nil && int(now[gauge]) != sessions {
			err = fmt.Errorf("%d are", int(now[gauge]))
		}
		return err == nil, err
	})
}

// awaitRun waits until a session runs at this server, and is connected.
func (g *gateway) awaitRun(ctx context.Context, session string) error {
	gauge := fmt.Sprintf("whatsapp_api_session_connected{session=%q}", session)
	return until(ctx, "the server runs "+session, func(ctx context.Context) (bool, error) {
		now, err := g.gauges(ctx)
		return now[gauge] == 1, err
	})
}

// link makes a session and links it to a new phone. It returns before it is connected.
func (g *gateway) link(ctx context.Context, w *world, id string) (phone string, err error) {
	if phone, err = w.phone(ctx, "Owner of "+id); err != nil {
		return "", err
	}
	if err := g.calls.do(ctx, "POST", "/api/v1/sessions", map[string]string{"id": id, "name": id}, nil); err != nil {
		return "", err
	}
	var qr struct {
		Code string `json:"code"`
	}
	if err := g.calls.do(ctx, "GET", "/api/v1/sessions/"+id+"/qr?wait=60", nil, &qr); err != nil {
		return "", err
	}
	return phone, w.scan(ctx, phone, qr.Code)
}

// connected is the state of a session that can send and receive.
const connected = "connected"

// state is a session's, as its owner says.
func (g *gateway) state(ctx context.Context, session string) (string, error) {
	var s struct {
		State string `json:"state"`
	}
	err := g.calls.do(ctx, "GET", "/api/v1/sessions/"+session, nil, &s)
	return s.State, err
}

// lastSeq is the seq of a session's newest event.
func (g *gateway) lastSeq(ctx context.Context, session string) (int64, error) {
	var s struct {
		LastSeq int64 `json:"lastSeq"`
	}
	err := g.calls.do(ctx, "GET", "/api/v1/sessions/"+session, nil, &s)
	return s.LastSeq, err
}

// message is one of REST's.
type message struct {
	ID     string `json:"id"`
	ChatID string `json:"chatId"`
	FromMe bool   `json:"fromMe"`
	Type   string `json:"type"`
	From   struct {
		Phone string `json:"phone"`
	} `json:"from"`
	Text   string `json:"text"`
	Status string `json:"status"`
}

// messages reads a chat newest first, page by page, for as long as more is wanted.
func (g *gateway) messages(ctx context.Context, session, chat string, more func([]message) bool) error {
	for cursor := ""; ; {
		path := fmt.Sprintf("/api/v1/messages/sessions/%s/chats/%s/messages?limit=200&cursor=%s", session, chat, cursor)
		a, err := g.calls.ask(ctx, "GET", path, nil)
		if err != nil {
			return err
		}
		if a.status == http.StatusNotFound { // nobody has written yet
			return nil
		}
		if a.status != http.StatusOK {
			return fmt.Errorf("GET %s: %d: %s", path, a.status, a.body)
		}
		var page struct {
			Data []message `json:"data"`
			Next *string   `json:"nextCursor"`
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			return err
		}
		if !more(page.Data) || page.Next == nil {
			return nil
		}
		cursor = *page.Next
	}
}

// listed is the ids of a chat's messages, newest first.
func (g *gateway) listed(ctx context.Context, session, chat string) (ids []string, err error) {
	err = g.messages(ctx, session, chat, func(page []message) bool {
		for _, m := range page {
			ids = append(ids, m.ID)
		}
		return true
	})
	return ids, err
}
