package stream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// eventLog is what happened, page by page.
type eventLog struct{ *Hub }

func (h eventLog) endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodGet, "/sessions/{sessionId}/events", "listEvents", "events:read", "Events after a point, in order", h.list, api.AlsoFails(codes.CursorExpired)),
	}
}

type listEventsIn struct {
	api.SessionPath
	After int64 `query:"after" minimum:"0" doc:"seq of the last event that you have; 0: from the beginning of what is kept"`
	Limit int   `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
	Wait  int   `query:"wait" minimum:"0" maximum:"60" doc:"Seconds to wait for an event when there is none yet"`
}

// Events is a page of the event log. Ask again with lastSeq as after.
type Events struct {
	Data    []convert.Event `json:"data"`
	LastSeq int64           `json:"lastSeq" doc:"seq of the last event in data, or after when there is none"`
	More    bool            `json:"more" doc:"There are further events now"`
}

func (h eventLog) list(ctx context.Context, on service.Target, in *listEventsIn) (*api.Body[Events], error) {
	after, err := h.begin(ctx, on.Session.ID(), in.After)
	if err != nil {
		return nil, err
	}
	list, err := h.Log.After(ctx, on.Session.ID(), after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 && in.Wait > 0 {
		if list, err = h.firstAfter(ctx, on.Session.ID(), after, time.Duration(in.Wait)*time.Second); err != nil {
			return nil, err
		}
	}
	out := Events{Data: []convert.Event{}, LastSeq: after, More: len(list) > in.Limit}
	for _, e := range list[:min(len(list), in.Limit)] {
		out.Data = append(out.Data, convert.EventOf(e))
		out.LastSeq = e.Seq
	}
	return api.Reply(out), nil
}

// begin turns a client's after into a point of the log: 0 is the oldest event kept.
func (h eventLog) begin(ctx context.Context, session string, after int64) (int64, error) {
	if after != 0 {
		return after, nil
	}
	oldest, _, err := h.Log.Bounds(ctx, session)
	return max(oldest-1, 0), err
}

var errGotOne = errors.New("got one")

// firstAfter waits for the next event. When the server stops there is none.
func (h eventLog) firstAfter(ctx context.Context, session string, after int64, wait time.Duration) ([]store.Event, error) {
	ctx, done := h.Poll(ctx)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var got []store.Event
	err := h.Log.Follow(ctx, session, after, func(e store.Event) error {
		got = append(got, e)
		return errGotOne
	})
	if errors.Is(err, errGotOne) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, whatsapp.ErrStopping) {
		return got, nil
	}
	return nil, err
}
