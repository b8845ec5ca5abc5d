package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// Sessions holds the rules of sessions: who may see which, how they are named, and what
// goes when they are deleted.
type Sessions struct {
	Manager *whatsapp.Manager
	Store   store.Store
	Forget  func(session string) // drops what is remembered of a deleted session's events
	Most    int                  // of one user; 0: without limit
	Log     *zap.Logger

	creating sync.Mutex // so that the limit holds
}

// Create makes a session for its owner. service.Invalid, ErrSessionTaken, service.ErrKeySession, ErrTooManySessions.
func (s *Sessions) Create(ctx context.Context, who service.Caller, id, name string) (store.Session, error) {
	wrong := service.Invalid{}
	if id == "" {
		id = service.NewID("ses_")
	}
	if !service.IsSessionID(id) {
		wrong["id"] = "must be 1 to 64 of a-z 0-9 - _"
	}
	wrong.Check("name", service.CheckName(name))
	if len(wrong) > 0 {
		return store.Session{}, wrong
	}
	if !who.MaySession(id) {
		return store.Session{}, service.ErrKeySession
	}
	s.creating.Lock()
	defer s.creating.Unlock()
	if err := s.room(ctx, who.User.ID); err != nil {
		return store.Session{}, err
	}
	r, err := s.Manager.Create(ctx, store.Session{
		ID: id, Name: strings.TrimSpace(name), OwnerID: who.User.ID, Desired: store.DesiredStopped, CreatedAt: service.Now(), UpdatedAt: service.Now(),
	})
	if errors.Is(err, store.ErrExists) {
		return store.Session{}, ErrSessionTaken
	}
	if err != nil {
		return store.Session{}, err
	}
	s.Log.Info("session created", zap.String("session", id), zap.String("user", who.User.ID))
	return r, nil
}

// room says whether a user may have another session. ErrTooManySessions.
func (s *Sessions) room(ctx context.Context, user string) error {
	if s.Most == 0 {
		return nil
	}
	have, err := s.Store.Sessions().Count(ctx, user)
	if err != nil {
		return fmt.Errorf("count sessions: %w", err)
	}
	if have >= s.Most {
		return fmt.Errorf("%w: a user may have %d (SESSIONS_PER_USER)", ErrTooManySessions, s.Most)
	}
	return nil
}

// Rename changes a session's name. service.Invalid.
func (s *Sessions) Rename(ctx context.Context, id, name string) (store.Session, error) {
	if fault := service.CheckName(name); fault != "" {
		return store.Session{}, service.Invalid{"name": fault}
	}
	r, err := s.Store.Sessions().Update(ctx, id, func(r *store.Session) error {
		r.Name, r.UpdatedAt = strings.TrimSpace(name), service.Now()
		return nil
	})
	if err != nil {
		s.Manager.Changed() // perhaps it was
		return store.Session{}, fmt.Errorf("rename session: %w", err)
	}
	s.Manager.Changed(r)
	return s.Manager.Describe(r), nil
}

// Delete unlinks the session's device and removes its data.
func (s *Sessions) Delete(ctx context.Context, id string) error {
	if err := s.Manager.Delete(ctx, id); err != nil {
		return err
	}
	s.Forget(id)
	s.Log.Info("session deleted", zap.String("session", id))
	return nil
}

// Get finds a session that the caller may see. One that is not his is store.ErrNotFound, so
// that nobody learns which ids exist.
func (s *Sessions) Get(ctx context.Context, who service.Caller, id string) (store.Session, error) {
	r, err := s.Store.Sessions().Get(ctx, id)
	if err != nil {
		return store.Session{}, fmt.Errorf("get session: %w", err)
	}
	if !maySee(who, id, r.OwnerID) {
		return store.Session{}, fmt.Errorf("get session: %w", store.ErrNotFound)
	}
	return s.Manager.Describe(r), nil
}

// Open is Get with the session as it lives here, for what is done with it: mostly without a look into the store.
func (s *Sessions) Open(ctx context.Context, who service.Caller, id string) (service.Target, error) {
	found, owner, err := s.Manager.Find(ctx, id)
	if err != nil {
		return service.Target{}, err
	}
	if !maySee(who, id, owner) {
		return service.Target{}, fmt.Errorf("open session: %w", store.ErrNotFound)
	}
	return service.Target{Caller: who, Session: found}, nil
}

func maySee(who service.Caller, session, owner string) bool {
	return (owner == who.User.ID || who.Admin()) && who.MaySession(session)
}

// List lists the sessions that the caller may see.
func (s *Sessions) List(ctx context.Context, who service.Caller, p store.Page) ([]store.Session, string, error) {
	owner := who.User.ID
	if who.Admin() {
		owner = ""
	}
	list, next, err := s.Store.Sessions().List(ctx, owner, p)
	if err != nil {
		return nil, "", fmt.Errorf("list sessions: %w", err)
	}
	list = slices.DeleteFunc(list, func(r store.Session) bool { return !who.MaySession(r.ID) })
	for i := range list {
		list[i] = s.Manager.Describe(list[i])
	}
	return list, next, nil
}
