package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

func (a *API) eventLog() []Endpoint {
	return []Endpoint{
		onSession(a, http.MethodGet, "/sessions/{sessionId}/events", "events:read", "Events after a point, in order", a.listEvents, alsoFails(http.StatusGone)),
	}
}

type listEventsIn struct {
	SessionPath
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

func (a *API) listEvents(ctx context.Context, on Target, in *listEventsIn) (*body[Events], error) {
	after, err := a.begin(ctx, on.Record.ID, in.After)
	if err != nil {
		return nil, err
	}
	list, err := a.Log.After(ctx, on.Record.ID, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 && in.Wait > 0 {
		if list, err = a.firstAfter(ctx, on.Record.ID, after, time.Duration(in.Wait)*time.Second); err != nil {
			return nil, err
		}
	}
	out := Events{Data: []convert.Event{}, LastSeq: after, More: len(list) > in.Limit}
	for _, e := range list[:min(len(list), in.Limit)] {
		out.Data = append(out.Data, convert.EventOf(e))
		out.LastSeq = e.Seq
	}
	return reply(out), nil
}

// begin turns a client's after into a point of the log: 0 is the oldest event kept.
func (a *API) begin(ctx context.Context, session string, after int64) (int64, error) {
	if after != 0 {
		return after, nil
	}
	oldest, _, err := a.Log.Bounds(ctx, session)
	return max(oldest-1, 0), err
}

var errGotOne = errors.New("got one")

// firstAfter waits for the next event. When the server stops there is none.
func (a *API) firstAfter(ctx context.Context, session string, after int64, wait time.Duration) ([]store.Event, error) {
	ctx, done := a.poll(ctx)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var got []store.Event
	err := a.Log.Follow(ctx, session, after, func(e store.Event) error {
		got = append(got, e)
		return errGotOne
	})
	if errors.Is(err, errGotOne) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, whatsapp.ErrStopping) {
		return got, nil
	}
	return nil, err
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
