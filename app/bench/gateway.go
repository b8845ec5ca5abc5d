package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"

	"whatsapp-api/app"
	"whatsapp-api/configs"
)

const (
	adminEmail    = "bench@example.com"
	adminPassword = "a password for one run"
)

// gateway is the whole server on one store, with an HTTP and a WebSocket client.
type gateway struct {
	counter
	store   string
	calls   caller
	numbers []string
	stream  *websocket.Conn

	listening time.Duration // from start until it could be called

	stop  context.CancelFunc
	ended chan error
}

// openGateway starts a server with what its store has, with an account for the bench.
func openGateway(ctx context.Context, w *world, at storeAt) (_ *gateway, err error) {
	if err := os.MkdirAll(at.Dir, 0o700); err != nil {
		return nil, err
	}
	cfg := configs.Default()
	cfg.Host, cfg.Port, cfg.DataDir, cfg.MongoDBURI = "127.0.0.1", 0, at.Dir, configs.Secret(at.MongoURI)
	cfg.StartConcurrency, cfg.RateLimit = 1000, 0 // so that it is not they that are measured
	log, err := zap.NewProduction(zap.IncreaseLevel(zap.WarnLevel))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	a, err := app.New(ctx, cfg, app.Options{SandboxAt: w.URL, Version: "bench"}, log)
	if err != nil {
		return nil, err
	}
	g := &gateway{store: at.Store, ended: make(chan error, 1), listening: time.Since(began)}
	var serving context.Context
	serving, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() { g.ended <- a.Run(serving) }()
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	web := http.DefaultTransport.(*http.Transport).Clone()
	web.MaxIdleConnsPerHost = 64
	g.calls = caller{base: "http://" + a.Addr(), http: &http.Client{Transport: web}}
	return g, g.login(ctx)
}

// createAdmin makes the bench's account, before the first start.
func createAdmin(ctx context.Context, at storeAt) error {
	if err := os.MkdirAll(at.Dir, 0o700); err != nil {
		return err
	}
	cfg := configs.Default()
	cfg.DataDir, cfg.MongoDBURI = at.Dir, configs.Secret(at.MongoURI)
	_, err := app.CreateAdmin(ctx, cfg, true, adminEmail, "Bench", adminPassword, zap.NewNop())
	return err
}

func (g *gateway) login(ctx context.Context) error {
	var login struct {
		Token string `json:"token"`
	}
	err := g.calls.do(ctx, "POST", "/api/v1/users/login", map[string]string{"email": adminEmail, "password": adminPassword}, &login)
	g.calls.token = login.Token
	return err
}

// linkMore makes and links sessions until there are so many.
func (g *gateway) linkMore(ctx context.Context, w *world, n int) error {
	for i := len(g.numbers); i < n; i++ {
		if err := g.link(ctx, w, fmt.Sprintf("s%d", i+1)); err != nil {
			return err
		}
	}
	return nil
}

// link makes a session and links it to a new phone.
func (g *gateway) link(ctx context.Context, w *world, id string) error {
	number, err := w.phone(ctx, g.store+" "+id)
	if err != nil {
		return err
	}
	if err := g.calls.do(ctx, "POST", "/api/v1/sessions", map[string]string{"id": id, "name": id}, nil); err != nil {
		return err
	}
	var qr struct {
		Code string `json:"code"`
	}
	if err := g.calls.do(ctx, "GET", "/api/v1/sessions/"+id+"/qr?wait=30", nil, &qr); err != nil {
		return err
	}
	if err := w.scan(ctx, number, qr.Code); err != nil {
		return err
	}
	for {
		var session struct {
			State string `json:"state"`
		}
		if err := g.calls.do(ctx, "GET", "/api/v1/sessions/"+id, nil, &session); err != nil {
			return err
		}
		if session.State == "connected" {
			g.numbers = append(g.numbers, number)
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// listen opens the WebSocket, for the events of all sessions.
func (g *gateway) listen(ctx context.Context) (err error) {
	g.stream, _, err = websocket.Dial(ctx, strings.Replace(g.calls.base, "http", "ws", 1)+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + g.calls.token}},
	})
	if err != nil {
		return err
	}
	g.stream.SetReadLimit(8 << 20)
	if err := g.stream.Write(ctx, websocket.MessageText, []byte(`{"type":"subscribe"}`)); err != nil {
		return err
	}
	subscribed := make(chan struct{})
	go g.count(subscribed)
	select {
	case <-subscribed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count counts the messages that come as events. A live message is an event of its own.
func (g *gateway) count(subscribed chan struct{}) {
	for {
		_, frame, err := g.stream.Read(context.Background())
		if err != nil {
			return
		}
		head := frame[:min(len(frame), 300)]
		switch {
		case bytes.Contains(head, []byte(`"event":"new_messages"`)):
			g.add(1)
		case bytes.Contains(head, []byte(`"type":"subscribed"`)):
			close(subscribed)
		case bytes.Contains(head, []byte(`"type":"lagged"`)):
			progress("the WebSocket client lags: %s", head)
		}
	}
}

func (g *gateway) name() string     { return "whatsapp-api on " + g.store }
func (g *gateway) phones() []string { return g.numbers }

func (g *gateway) send(ctx context.Context, from int, to, text string) error {
	return g.calls.do(ctx, "POST", fmt.Sprintf("/api/v1/messages/sessions/s%d/send/message", from+1), map[string]string{"to": to, "text": text}, nil)
}

func (g *gateway) close() error {
	if g.stream != nil {
		_ = g.stream.CloseNow() // the server is about to stop
	}
	g.stop()
	return <-g.ended
}
