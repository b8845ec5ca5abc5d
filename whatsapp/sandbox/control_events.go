package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"
)

const (
	// eventPause is after how long without an event a comment is sent, so that the connection stays.
	eventPause = 20 * time.Second
	// eventPatience is how long a client may take to read what it is sent.
	eventPatience = 10 * time.Second

	eventType = "text/event-stream"
)

func (c *control) eventRoutes() {
	get(c, "/events", "All that happens from now on, as Server-Sent Events", c.getEvents)
	answer := c.api.OpenAPI().Paths[base+"/events"].Get.Responses["200"]
	answer.Description = "Each event has its kind as event, its number as id, and as data an object with n, kind, phone, at and data. A client that reads too slowly is cut."
	answer.Content = map[string]*huma.MediaType{eventType: {Schema: c.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Happening](), true, "")}}
}

// getEvents follows what happens until one side has had enough.
func (c *control) getEvents(context.Context, *struct{}) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Type", eventType)
			return
		}
		list, stop := c.Follow()
		defer stop()
		if err := c.stream(ctx.Context(), w, list); err != nil && ctx.Context().Err() == nil {
			c.log.Debug("events not written", zap.Error(err))
		}
	}}, nil
}

func (c *control) stream(ctx context.Context, w http.ResponseWriter, list <-chan Happening) error {
	w.Header().Set("Content-Type", eventType)
	rc := http.NewResponseController(w)
	send := func(text []byte) error {
		// The stream outlives the deadline that a server may set for an answer.
		if err := rc.SetWriteDeadline(time.Now().Add(eventPatience)); err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		return rc.Flush()
	}
	if err := send([]byte(": from now on\n\n")); err != nil {
		return err
	}
	pause := time.NewTicker(eventPause)
	defer pause.Stop()
	for {
		text := []byte(": still here\n\n")
		select {
		case what, ok := <-list:
			if !ok {
				return send([]byte(": too slow\n\n"))
			}
			raw, err := json.Marshal(what)
			if err != nil {
				return err
			}
			text = fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", what.N, what.Kind, raw)
		case <-pause.C:
		case <-ctx.Done():
			return nil
		case <-c.ctx.Done():
			return nil
		}
		if err := send(text); err != nil {
			return err
		}
	}
}
