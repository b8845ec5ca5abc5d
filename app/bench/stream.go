package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
)

// stream measures how long an event takes from being made, before it is stored, until a
// WebSocket client has it, with so many clients that all get it. They have a process of
// their own.
type stream struct{ clients, events int }

const (
	pace   = 100 * time.Millisecond // how often an event comes meanwhile
	warmUp = 5                      // events that are not counted: a thousand clients have just come
)

func (m stream) what() string { return fmt.Sprintf("event to each of %d WebSocket clients", m.clients) }

// clientsArgs is what the process of the clients is told.
type clientsArgs struct {
	Base, Token     string
	Clients, Events int
}

func (m stream) run(ctx context.Context, w *world, s side, t *table) error {
	g, ok := s.(*gateway)
	if !ok {
		return nil // bare whatsmeow has no clients
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sender, err := w.phone(ctx, "Sender")
	if err != nil {
		return err
	}
	to := g.phones()[0]
	if err := w.write(ctx, sender, to, 1); err != nil { // the first message brings the keys of a new chat
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	c, err := startChild(ctx, "clients", clientsArgs{g.calls.base, g.calls.token, m.clients, warmUp + m.events})
	if err != nil {
		return err
	}
	var subscribed bool
	if err := c.hear(&subscribed); err != nil {
		return err
	}
	for range warmUp + m.events {
		if err := w.write(ctx, sender, to, 1); err != nil {
			return errors.Join(err, c.close())
		}
		time.Sleep(pace)
	}
	var took []float64 // milliseconds, sorted
	if err := c.hear(&took); err != nil {
		return err
	}
	t.add(m.what()+", p50 ms", s.name(), at(took, 0.5), difference)
	t.add(m.what()+", p99 ms", s.name(), at(took, 0.99), difference)
	return c.close()
}

// serveClients subscribes, tells so, and tells what all events took when all have come.
func serveClients(ctx context.Context, raw []byte) error {
	var args clientsArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return err
	}
	clients := make([]*websocket.Conn, args.Clients)
	var g errgroup.Group
	g.SetLimit(32)
	for i := range clients {
		g.Go(func() (err error) {
			clients[i], err = subscribe(ctx, args)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := tell(true); err != nil {
		return err
	}
	var mu sync.Mutex
	var all []float64
	var reading errgroup.Group
	for _, c := range clients {
		reading.Go(func() error {
			took, err := follow(ctx, c, args.Events)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			return errors.Join(err, c.CloseNow())
		})
	}
	if err := reading.Wait(); err != nil {
		return err
	}
	slices.Sort(all)
	return tell(all)
}

func subscribe(ctx context.Context, args clientsArgs) (*websocket.Conn, error) {
	c, _, err := websocket.Dial(ctx, "ws"+args.Base[len("http"):]+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + args.Token}},
	})
	if err != nil {
		return nil, err
	}
	if err := c.Write(ctx, websocket.MessageText, []byte(`{"type":"subscribe","sessions":["s1"],"events":["new_messages"]}`)); err != nil {
		return nil, err
	}
	for {
		_, frame, err := c.Read(ctx)
		if err != nil || bytes.Contains(frame, []byte(`"type":"subscribed"`)) {
			return c, err
		}
	}
}

// follow reads so many messages and returns what each took. What it reads is looked at in the
// end, so that the clients cost little while they are measured.
func follow(ctx context.Context, c *websocket.Conn, events int) (took []float64, err error) {
	frames, came := make([][]byte, events), make([]time.Time, events)
	for i := range events {
		if _, frames[i], err = c.Read(ctx); err != nil {
			return nil, err
		}
		came[i] = time.Now()
	}
	for i, frame := range frames {
		var e struct {
			Event     string    `json:"event"`
			Timestamp time.Time `json:"timestamp"`
		}
		if err := json.Unmarshal(frame, &e); err != nil {
			return nil, err
		}
		if e.Event != "new_messages" {
			return nil, fmt.Errorf("a client got %s", frame)
		}
		if i >= warmUp {
			took = append(took, ms(came[i].Sub(e.Timestamp)))
		}
	}
	return took, nil
}
