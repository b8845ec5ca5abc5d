package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
)

// stream measures how long an event takes from being made, before it is stored, until a
// WebSocket client has it, with so many clients that all get it. They have a process of
// their own, which does as little as it can: it shares the cores with the server.
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
	before := processorTime()
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
	busy := processorTime() - before // of the sandbox too, which has little to do
	t.add(m.what()+", processor µs", s.name(), float64(busy.Microseconds())/float64(m.clients*(warmUp+m.events)), difference)
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
	clients := make([]*client, args.Clients)
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
	var reading errgroup.Group
	for _, c := range clients {
		reading.Go(func() error { return c.follow(args.Events) })
	}
	if err := reading.Wait(); err != nil {
		return err
	}
	// Only now, or who has the last event would keep the others from it.
	var all []float64
	for _, c := range clients {
		took, err := c.took()
		if err = errors.Join(err, c.Close()); err != nil {
			return err
		}
		all = append(all, took...)
	}
	slices.Sort(all)
	return tell(all)
}

// client reads frames from its connection itself: those of a server are a header and text.
type client struct {
	*websocket.Conn
	read   *bufio.Reader
	frames [][]byte
	came   []time.Time
}

func subscribe(ctx context.Context, args clientsArgs) (*client, error) {
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+args.Base[len("http"):]+"/ws", http.Header{"Authorization": {"Bearer " + args.Token}})
	if err != nil {
		return nil, err
	}
	c := &client{Conn: conn, read: bufio.NewReader(conn.NetConn())}
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribe","sessions":["s1"],"events":["new_messages"]}`)); err != nil {
		return nil, err
	}
	for {
		frame, err := c.next()
		if err != nil || bytes.Contains(frame, []byte(`"type":"subscribed"`)) {
			return c, err
		}
	}
}

// next reads a frame with text (RFC 6455 section 5.2).
func (c *client) next() ([]byte, error) {
	const text, ping = 0x81, 0x89 // whole messages
	head := make([]byte, 2)
	if _, err := io.ReadFull(c.read, head); err != nil {
		return nil, err
	}
	switch {
	case head[0] == ping && head[1] == 0:
		if err := c.WriteControl(websocket.PongMessage, nil, time.Now().Add(patience)); err != nil {
			return nil, err
		}
		return c.next()
	case head[0] != text || head[1] > 126:
		return nil, fmt.Errorf("a frame that begins with %x", head)
	}
	length := int(head[1])
	if length == 126 {
		if _, err := io.ReadFull(c.read, head); err != nil {
			return nil, err
		}
		length = int(binary.BigEndian.Uint16(head))
	}
	frame := make([]byte, length)
	_, err := io.ReadFull(c.read, frame)
	return frame, err
}

// follow reads so many events.
func (c *client) follow(events int) error {
	c.frames, c.came = make([][]byte, events), make([]time.Time, events)
	for i := 0; i < events; {
		frame, err := c.next()
		if err != nil {
			return err
		}
		c.frames[i], c.came[i] = frame, time.Now()
		if !bytes.HasPrefix(frame, []byte(`{"type"`)) { // of the server's own, such as a position
			i++
		}
	}
	return nil
}

// took is what each event took, in milliseconds.
func (c *client) took() (took []float64, err error) {
	for i, frame := range c.frames {
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
			took = append(took, ms(c.came[i].Sub(e.Timestamp)))
		}
	}
	return took, nil
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // only for a bad argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
