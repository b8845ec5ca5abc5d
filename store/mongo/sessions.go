package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

type sessions struct{ s *Store }

// sessionDoc is a session and the head of its log.
type sessionDoc struct {
	ID        string    `bson:"_id"`
	Name      string    `bson:"name"`
	OwnerID   string    `bson:"owner"`
	Desired   string    `bson:"desired"`
	State     string    `bson:"state"`
	Reason    string    `bson:"reason"`
	Since     int64     `bson:"since"`
	Phone     string    `bson:"phone"`
	LID       string    `bson:"lid"`
	PushName  string    `bson:"push"`
	Settings  []setting `bson:"settings"`
	CreatedAt int64     `bson:"created"`
	UpdatedAt int64     `bson:"updated"`

	Version  int64 `bson:"v"`               // rises with every change of the fields above
	Seq      int64 `bson:"seq"`             // newest event that is projected
	Oldest   int64 `bson:"oldest"`          // oldest event that is kept
	Proj     int64 `bson:"proj"`            // newest unit that is projected
	Durable  int64 `bson:"durable"`         // Proj, as far as it cannot be lost any more
	Stripped int64 `bson:"stripped"`        // units up to this one keep only their events
	First    int64 `bson:"first,omitempty"` // units up to this one are of an earlier session with this id
	Deleting bool  `bson:"deleting,omitempty"`

	Lease leaseDoc `bson:"lease"` // who owns it
}

// setting is one setting. They are a list, since names may have dots and zero bytes.
type setting struct {
	Name  string `bson:"n"`
	Value string `bson:"v"`
}

func settings(m map[string]string) []setting {
	list := make([]setting, 0, len(m))
	for name, value := range m {
		list = append(list, setting{name, value})
	}
	return list
}

func (d sessionDoc) session() store.Session {
	s := store.Session{
		ID: d.ID, Name: d.Name, OwnerID: d.OwnerID, Desired: d.Desired, State: d.State, Reason: d.Reason, Since: at(d.Since),
		Phone: d.Phone, LID: d.LID, PushName: d.PushName, CreatedAt: at(d.CreatedAt), UpdatedAt: at(d.UpdatedAt), LastSeq: d.Seq,
	}
	if len(d.Settings) > 0 {
		s.Settings = make(map[string]string, len(d.Settings))
	}
	for _, set := range d.Settings {
		s.Settings[set.Name] = set.Value
	}
	return s
}

// sessionFields are the fields that Update may write.
func sessionFields(s store.Session) bson.D {
	return bson.D{
		{Key: "name", Value: s.Name},
		{Key: "owner", Value: s.OwnerID},
		{Key: "desired", Value: s.Desired},
		{Key: "state", Value: s.State},
		{Key: "reason", Value: s.Reason},
		{Key: "since", Value: s.Since.UnixMilli()},
		{Key: "phone", Value: s.Phone},
		{Key: "lid", Value: s.LID},
		{Key: "push", Value: s.PushName},
		{Key: "settings", Value: settings(s.Settings)},
		{Key: "created", Value: s.CreatedAt.UnixMilli()},
		{Key: "updated", Value: s.UpdatedAt.UnixMilli()},
	}
}

// stateFields are the fields that a unit writes.
func stateFields(u *store.SessionUpdate) (set bson.D) {
	if u == nil {
		return nil
	}
	add := func(name string, value *string) {
		if value != nil {
			set = append(set, bson.E{Key: name, Value: *value})
		}
	}
	add("state", u.State)
	add("reason", u.Reason)
	add("phone", u.Phone)
	add("lid", u.LID)
	add("push", u.PushName)
	if u.Since != nil {
		set = append(set, bson.E{Key: "since", Value: u.Since.UnixMilli()})
	}
	return set
}

// notDeleting is part of every filter that looks for a session.
var notDeleting = bson.E{Key: "deleting", Value: bson.D{{Key: "$ne", Value: true}}}

func (s sessions) Create(ctx context.Context, session store.Session) error {
	begins, err := s.s.begins(ctx, session.ID)
	if err != nil {
		return fault("create session", err)
	}
	doc := append(bson.D{{Key: "_id", Value: session.ID}}, sessionFields(session)...)
	doc = append(doc, bson.D{
		{Key: "v", Value: int64(1)},
		{Key: "seq", Value: int64(0)},
		{Key: "oldest", Value: int64(1)},
	}...)
	doc = append(doc, begins...)
	return s.s.ifChanged(ctx, insert(ctx, "create session", s.s.col.sessions, doc), store.TopicSessions)
}

// find reads a session that is not being deleted; ErrNotFound.
func (s *Store) find(ctx context.Context, doing, id string) (doc sessionDoc, err error) {
	err = findOne(ctx, doing, s.col.sessions, append(byID(id), notDeleting), &doc)
	return doc, err
}

// Get waits for no projection: of what is behind, a session shows the number of its newest
// event only.
func (s sessions) Get(ctx context.Context, id string) (store.Session, error) {
	seq := s.s.lines.seq(id)
	doc, err := s.s.find(ctx, "get session", id)
	if err != nil {
		return store.Session{}, err
	}
	doc.Seq = max(doc.Seq, seq)
	return doc.session(), nil
}

func (s sessions) List(ctx context.Context, owner string, p store.Page) ([]store.Session, string, error) {
	filter := bson.D{notDeleting}
	if owner != "" {
		filter = append(filter, bson.E{Key: "owner", Value: owner})
	}
	seqs := s.s.lines.seqs()
	docs, next, err := listByID(ctx, "list sessions", s.s.col.sessions, p, filter, func(d sessionDoc) string { return d.ID })
	var list []store.Session
	for _, d := range docs {
		d.Seq = max(d.Seq, seqs[d.ID])
		list = append(list, d.session())
	}
	return list, next, err
}

func (s sessions) Count(ctx context.Context, owner string) (int, error) {
	n, err := s.s.col.sessions.CountDocuments(ctx, bson.D{{Key: "owner", Value: owner}, notDeleting})
	return int(n), fault("count sessions", err)
}

func (s sessions) States(ctx context.Context) (map[string]string, error) {
	docs, err := findAll[sessionDoc](ctx, s.s.col.sessions, bson.D{notDeleting}, options.Find().SetProjection(bson.D{{Key: "state", Value: 1}}))
	if err != nil {
		return nil, fault("list states of sessions", err)
	}
	states := make(map[string]string, len(docs))
	for _, d := range docs {
		states[d.ID] = d.State
	}
	return states, nil
}

func (s sessions) Update(ctx context.Context, id string, change func(*store.Session) error) (store.Session, error) {
	for {
		seq := s.s.lines.seq(id)
		was, err := s.s.find(ctx, "update session", id)
		if err != nil {
			return store.Session{}, err
		}
		was.Seq = max(was.Seq, seq)
		session := was.session()
		if err := change(&session); err != nil {
			return store.Session{}, fault("update session", err)
		}
		now, err := s.put(ctx, id, was.Version, session)
		if errors.Is(err, mongo.ErrNoDocuments) { // changed meanwhile, or deleted
			if err = pause(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return store.Session{}, fault("update session", err)
		}
		if was.OwnerID != now.OwnerID { // who may see it is another
			s.s.changed(ctx, store.TopicOwners)
		}
		if was.Name != now.Name {
			s.s.changed(ctx, store.TopicSessions)
		}
		now.Seq = max(now.Seq, seq)
		return now.session(), nil
	}
}

func (s sessions) put(ctx context.Context, id string, seen int64, session store.Session) (now sessionDoc, err error) {
	err = s.s.col.sessions.FindOneAndUpdate(ctx, append(byID(id), bson.E{Key: "v", Value: seen}, notDeleting),
		bson.D{{Key: "$set", Value: append(sessionFields(session), bson.E{Key: "v", Value: seen + 1})}},
		options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&now)
	return now, err
}

// Delete marks the session, so that it is gone for everyone, and then removes what
// belongs to it. What a crash leaves is removed by the next Open, or by Delete again.
func (s sessions) Delete(ctx context.Context, id string) error {
	l, err := s.s.lines.take(ctx, id)
	if err != nil {
		return fault("delete session", err)
	}
	defer l.unlock()
	if _, err := s.s.own(ctx, l); err != nil && !errors.Is(err, store.ErrNotFound) { // it may be marked by a delete that was cut short
		return fault("delete session", err)
	}
	l.head = nil
	if err := l.behind.enter(ctx); err != nil {
		return fault("delete session", err)
	}
	defer l.behind.leave()
	res, err := s.s.col.sessions.UpdateByID(ctx, id, bson.D{{Key: "$set", Value: bson.D{{Key: "deleting", Value: true}}}})
	if err == nil && res.MatchedCount == 0 {
		s.s.gone(l)
		err = store.ErrNotFound
	}
	if err == nil {
		s.s.gone(l)
		s.s.changed(ctx, store.TopicSessions)
		err = s.s.purge(ctx, id)
	}
	return fault("delete session", err)
}

// purge removes all that belongs to a session, and the session last of all.
func (s *Store) purge(ctx context.Context, id string) error {
	if err := s.dig(ctx, id); err != nil {
		return err
	}
	if err := s.purgeData(ctx, id); err != nil {
		return err
	}
	if err := s.dropOfSession(ctx, id); err != nil {
		return err
	}
	_, err := deleteMany(ctx, s.col.sessions, append(byID(id), bson.E{Key: "deleting", Value: true}))
	return err
}

func (s *Store) purgeData(ctx context.Context, id string) error {
	ctx, cancel := unbounded(ctx)
	defer cancel()
	for _, c := range []*mongo.Collection{ // what is most secret, first
		s.col.keys, s.col.units, s.col.chunks, s.col.messages, s.col.receipts, s.col.chats, s.col.contacts, s.col.tasks, s.col.contested,
	} {
		// This may be long, but the server lets others in between.
		if _, err := c.DeleteMany(ctx, byID(below(id))); err != nil {
			return err
		}
	}
	return nil
}

// finishDeletes goes on with deletes that a crash cut short.
func (s *Store) finishDeletes(ctx context.Context) {
	docs, err := findAll[sessionDoc](ctx, s.col.sessions, bson.D{{Key: "deleting", Value: true}})
	for _, d := range docs {
		err = errors.Join(err, s.purge(ctx, d.ID))
	}
	err = errors.Join(err, s.dropOrphans(ctx))
	if err != nil && ctx.Err() == nil {
		s.log.Warn("could not finish deleting sessions; the next start tries again", zap.Error(err))
	}
}
