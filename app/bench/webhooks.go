package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// hooks measures how fast events that wait in the log reach so many endpoints, each of
// which gets all of them. The endpoints have a process of their own.
type hooks struct{ endpoints, each int }

func (m hooks) what() string {
	return fmt.Sprintf("webhooks to %s", plural(m.endpoints, "endpoint"))
}

func (m hooks) run(ctx context.Context, w *world, s side, t *table) error {
	g, ok := s.(*gateway)
	if !ok {
		return nil // bare whatsmeow has none
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return m.with(ctx, g, func(sink string, ids []string) error {
		if err := m.fill(ctx, w, g); err != nil {
			return err
		}
		return m.deliver(ctx, g, sink, ids, t)
	})
}

// with does something while there are the webhooks, which wait at first, and their endpoints.
func (m hooks) with(ctx context.Context, g *gateway, do func(sink string, ids []string) error) error {
	c, err := startChild(ctx, "sink", nil)
	if err != nil {
		return err
	}
	var sink string
	if err := c.hear(&sink); err != nil {
		return err
	}
	ids, err := m.subscribe(ctx, g, sink)
	if err == nil {
		err = do(sink, ids)
	}
	for _, id := range ids {
		err = errors.Join(err, g.calls.do(ctx, "DELETE", "/api/v1/webhooks/"+id, nil, nil))
	}
	return errors.Join(err, c.close())
}

// subscribe makes the webhooks, which wait.
func (m hooks) subscribe(ctx context.Context, g *gateway, sink string) (ids []string, err error) {
	for i := range m.endpoints {
		var hook struct {
			ID string `json:"id"`
		}
		spec := map[string]any{"url": fmt.Sprintf("%s/%d", sink, i), "events": []string{"new_messages"}}
		if err := g.calls.do(ctx, "POST", "/api/v1/webhooks", spec, &hook); err != nil {
			return ids, err
		}
		ids = append(ids, hook.ID)
		if err := g.calls.do(ctx, "POST", "/api/v1/webhooks/"+hook.ID+"/pause", nil, nil); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// fill has messages come, in a chat of each session.
func (m hooks) fill(ctx context.Context, w *world, g *gateway) error {
	r := receive{sessions, m.each, ""}
	if err := r.load(ctx, w, g.phones()); err != nil {
		return err
	}
	if _, err := r.flow(ctx, w, g); err != nil {
		return err
	}
	return w.settle(ctx)
}

func (m hooks) deliver(ctx context.Context, g *gateway, sink string, ids []string, t *table) error {
	total := (m.each + 1) * sessions * m.endpoints // with the message that began each chat
	began := time.Now()
	if err := m.resume(ctx, g, ids); err != nil {
		return err
	}
	if err := arrived(ctx, sink, total); err != nil {
		return err
	}
	t.add(m.what()+", deliveries/s", g.name(), float64(total)/time.Since(began).Seconds(), ratio)
	return nil
}

// resume sets the webhooks going.
func (m hooks) resume(ctx context.Context, g *gateway, ids []string) error {
	for _, id := range ids {
		if err := g.calls.do(ctx, "POST", "/api/v1/webhooks/"+id+"/resume", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// arrived waits until so many further deliveries have reached the sink.
func arrived(ctx context.Context, sink string, deliveries int) error {
	at := caller{base: sink, http: &http.Client{}}
	return at.do(ctx, "GET", "/wait?n="+strconv.Itoa(deliveries), nil, nil)
}

// serveSink takes deliveries. GET /wait?n= answers when so many have come.
func serveSink(ctx context.Context) error {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	arrived := make(chan struct{}, 1<<20)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what is cut short is delivered again
		arrived <- struct{}{}
	})
	mux.HandleFunc("GET /wait", func(rw http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		for range n {
			select {
			case <-arrived:
			case <-r.Context().Done():
				return
			}
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := tell("http://" + socket.Addr().String()); err != nil {
		return err
	}
	if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
