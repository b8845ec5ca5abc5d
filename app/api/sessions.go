package api

import (
	"context"
	"net/http"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

func (a *API) sessions() []Endpoint {
	return []Endpoint{
		onAccount(a, http.MethodGet, "/sessions", "sessions:read", "List sessions", a.listSessions),
		onAccount(a, http.MethodPost, "/sessions", "sessions:write", "Create a session", a.createSession, status(http.StatusCreated), alsoFails(http.StatusConflict)),
		onSession(a, http.MethodGet, "/sessions/{sessionId}", "sessions:read", "One session", a.getSession),
		onSession(a, http.MethodPut, "/sessions/{sessionId}", "sessions:write", "Rename a session; admins also give it to another user", a.changeSession),
		onSession(a, http.MethodDelete, "/sessions/{sessionId}", "sessions:write", "Unlink the device and remove the session's data", a.deleteSession, status(http.StatusNoContent)),
		onSession(a, http.MethodPost, "/sessions/{sessionId}/listen", "sessions:write", "Bring the session online; starts pairing when it is not linked", a.listen),
		onSession(a, http.MethodPost, "/sessions/{sessionId}/stop", "sessions:write", "Close the connection, keep the link", a.stop),
		onSession(a, http.MethodPost, "/sessions/{sessionId}/disconnect", "sessions:write", "Unlink this device from the phone; data stay", a.disconnect, alsoFails(http.StatusConflict)),
		a.qrEndpoint(),
	}
}

func (a *API) sessionShape(r store.Session) convert.Session {
	return whatsapp.SessionShape(a.Manager.Describe(r), a.Manager.Sandbox())
}

type listSessionsIn struct{ Paging }

func (a *API) listSessions(ctx context.Context, who service.Caller, in *listSessionsIn) (*body[List[convert.Session]], error) {
	list, next, err := a.Sessions.List(ctx, who, in.page())
	if err != nil {
		return nil, err
	}
	return reply(listOf(list, next, a.sessionShape)), nil
}

type createSessionIn struct {
	Body struct {
		Name Name    `json:"name" doc:"What people call it"`
		ID   *string `json:"id,omitempty" pattern:"^[a-z0-9_-]{1,64}$" doc:"1 to 64 of a-z 0-9 - _; made when absent"`
	}
}

func (a *API) createSession(ctx context.Context, who service.Caller, in *createSessionIn) (*body[convert.Session], error) {
	id := ""
	if in.Body.ID != nil {
		id = *in.Body.ID
	}
	r, err := a.Sessions.Create(ctx, who, id, string(in.Body.Name))
	if err != nil {
		return nil, err
	}
	made(ctx, r.ID)
	return reply(a.sessionShape(r)), nil
}

type sessionIn struct{ SessionPath }

func (a *API) getSession(_ context.Context, on Target, _ *sessionIn) (*body[convert.Session], error) {
	return reply(a.sessionShape(on.Record)), nil
}

type changeSessionIn struct {
	SessionPath
	Body struct {
		Name    *Name   `json:"name,omitempty"`
		OwnerID *string `json:"ownerId,omitempty" maxLength:"64" doc:"For admins: the user who is to own it. Its own webhooks and the API keys for it alone become his (but no user's key becomes an admin's); streams of the owner before end"`
	}
}

func (a *API) changeSession(ctx context.Context, on Target, in *changeSessionIn) (*body[convert.Session], error) {
	r := on.Record
	var err error
	if in.Body.OwnerID != nil { // also the one that it has: what failed in the middle is completed
		before := r.OwnerID
		if r, err = a.Handover.Do(ctx, on.Caller, r, *in.Body.OwnerID); err != nil {
			return nil, err
		}
		a.streams.endOf(errMoved, before, r.OwnerID)
		made(ctx, r.OwnerID)
	}
	if in.Body.Name != nil {
		if r, err = a.Sessions.Rename(ctx, r.ID, string(*in.Body.Name)); err != nil {
			return nil, err
		}
	}
	return reply(a.sessionShape(r)), nil
}

func (a *API) deleteSession(ctx context.Context, on Target, _ *sessionIn) (*nothing, error) {
	return nil, a.Sessions.Delete(ctx, on.Record.ID)
}

func (a *API) listen(ctx context.Context, on Target, _ *sessionIn) (*body[convert.Session], error) {
	return a.after(ctx, on, on.Session.Listen(ctx))
}

func (a *API) stop(ctx context.Context, on Target, _ *sessionIn) (*body[convert.Session], error) {
	return a.after(ctx, on, on.Session.Stop(ctx))
}

func (a *API) disconnect(ctx context.Context, on Target, _ *sessionIn) (*body[convert.Session], error) {
	return a.after(ctx, on, on.Session.Unlink(ctx))
}

// after answers with the session as it is after a command.
func (a *API) after(ctx context.Context, on Target, err error) (*body[convert.Session], error) {
	if err != nil {
		return nil, err
	}
	r, err := a.Sessions.Get(ctx, on.Caller, on.Record.ID)
	if err != nil {
		return nil, err
	}
	return reply(a.sessionShape(r)), nil
}
