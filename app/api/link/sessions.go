package link

import (
	"context"
	"net/http"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/link"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Sessions are WhatsApp accounts that are, or are to be, linked.
type Sessions struct {
	Manager  *whatsapp.Manager
	Sessions *link.Sessions
	Handover *link.Handover
	Ended    func(users ...string) // ends the streams of these users, since a session goes from one to the other
}

// Endpoints are the rows of sessions.
func (ss Sessions) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnAccount(http.MethodGet, "/sessions", "listSessions", "sessions:read", "List sessions", ss.listSessions),
		api.OnAccount(http.MethodPost, "/sessions", "createSession", "sessions:write", "Create a session", ss.createSession, api.Status(http.StatusCreated), api.AlsoFails(codes.SessionExists, codes.TooManySessions, codes.SessionNotAllowed)),
		api.OnSession(http.MethodGet, "/sessions/{sessionId}", "getSession", "sessions:read", "One session", ss.getSession),
		api.OnSession(http.MethodPut, "/sessions/{sessionId}", "updateSession", "sessions:write", "Rename a session; admins also give it to another user", ss.changeSession, api.AlsoFails(codes.Forbidden)),
		api.OnSession(http.MethodDelete, "/sessions/{sessionId}", "deleteSession", "sessions:write", "Unlink the device and remove the session's data", ss.deleteSession, api.Status(http.StatusNoContent)),
		api.OnSession(http.MethodPost, "/sessions/{sessionId}/listen", "startSession", "sessions:write", "Bring the session online; starts pairing when it is not linked", ss.listen),
		api.OnSession(http.MethodPost, "/sessions/{sessionId}/stop", "stopSession", "sessions:write", "Close the connection, keep the link", ss.stop),
		api.OnSession(http.MethodPost, "/sessions/{sessionId}/disconnect", "unlinkSession", "sessions:write", "Unlink this device from the phone; data stay", ss.disconnect, api.AlsoFails(codes.NotLinked, codes.SessionOffline)),
	}
}

func (ss Sessions) sessionShape(r store.Session) convert.Session {
	return whatsapp.SessionShape(ss.Manager.Describe(r), ss.Manager.Sandbox())
}

type listSessionsIn struct{ api.Paging }

func (ss Sessions) listSessions(ctx context.Context, who service.Caller, in *listSessionsIn) (*api.Body[api.List[convert.Session]], error) {
	list, next, err := ss.Sessions.List(ctx, who, in.Page())
	if err != nil {
		return nil, err
	}
	return api.Reply(api.ListOf(list, next, ss.sessionShape)), nil
}

type createSessionIn struct {
	Body struct {
		Name api.Name `json:"name" doc:"What people call it"`
		ID   *string  `json:"id,omitempty" pattern:"^[a-z0-9_-]{1,64}$" doc:"1 to 64 of a-z 0-9 - _; made when absent"`
	}
}

func (ss Sessions) createSession(ctx context.Context, who service.Caller, in *createSessionIn) (*api.Body[convert.Session], error) {
	id := ""
	if in.Body.ID != nil {
		id = *in.Body.ID
	}
	r, err := ss.Sessions.Create(ctx, who, id, string(in.Body.Name))
	if err != nil {
		return nil, err
	}
	api.Made(ctx, r.ID)
	return api.Reply(ss.sessionShape(r)), nil
}

type sessionIn struct{ api.SessionPath }

func (ss Sessions) getSession(ctx context.Context, on service.Target, _ *sessionIn) (*api.Body[convert.Session], error) {
	return ss.current(ctx, on, nil)
}

type changeSessionIn struct {
	api.SessionPath
	Body struct {
		Name    *api.Name `json:"name,omitempty"`
		OwnerID *string   `json:"ownerId,omitempty" maxLength:"64" doc:"For admins: the user who is to own it. Its own webhooks and the API keys for it alone become his (but no user's key becomes an admin's); streams of the owner before end"`
	}
}

func (ss Sessions) changeSession(ctx context.Context, on service.Target, in *changeSessionIn) (*api.Body[convert.Session], error) {
	r, err := ss.Sessions.Get(ctx, on.Caller, on.Session.ID())
	if err != nil {
		return nil, err
	}
	if in.Body.OwnerID != nil { // also the one that it has: what failed in the middle is completed
		before := r.OwnerID
		if r, err = ss.Handover.Do(ctx, on.Caller, r, *in.Body.OwnerID); err != nil {
			return nil, err
		}
		ss.Ended(before, r.OwnerID)
		api.Made(ctx, r.OwnerID)
	}
	if in.Body.Name != nil {
		if r, err = ss.Sessions.Rename(ctx, r.ID, string(*in.Body.Name)); err != nil {
			return nil, err
		}
	}
	return api.Reply(ss.sessionShape(r)), nil
}

func (ss Sessions) deleteSession(ctx context.Context, on service.Target, _ *sessionIn) (*api.Nothing, error) {
	return nil, ss.Sessions.Delete(ctx, on.Session.ID())
}

func (ss Sessions) listen(ctx context.Context, on service.Target, _ *sessionIn) (*api.Body[convert.Session], error) {
	return ss.current(ctx, on, on.Session.Listen(ctx))
}

func (ss Sessions) stop(ctx context.Context, on service.Target, _ *sessionIn) (*api.Body[convert.Session], error) {
	return ss.current(ctx, on, on.Session.Stop(ctx))
}

func (ss Sessions) disconnect(ctx context.Context, on service.Target, _ *sessionIn) (*api.Body[convert.Session], error) {
	return ss.current(ctx, on, on.Session.Unlink(ctx))
}

// current answers with the session as it is after a command.
func (ss Sessions) current(ctx context.Context, on service.Target, err error) (*api.Body[convert.Session], error) {
	if err != nil {
		return nil, err
	}
	r, err := ss.Sessions.Get(ctx, on.Caller, on.Session.ID())
	if err != nil {
		return nil, err
	}
	return api.Reply(ss.sessionShape(r)), nil
}
