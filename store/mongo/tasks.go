package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

type tasks struct{ s *Store }

type taskDoc struct {
	ID      string `bson:"_id"` // session, task
	Session string `bson:"s"`
	Task    string `bson:"id"`
	Kind    string `bson:"kind"`
	Payload []byte `bson:"p,omitempty"`
	Due     int64  `bson:"due"`
	Attempt int    `bson:"n"`
	Op      int64  `bson:"u"` // the last change that went into it
}

func newTaskDoc(session string, t store.Task, op int64) taskDoc {
	return taskDoc{
		ID: join(session, t.ID), Session: session, Task: t.ID, Kind: t.Kind, Payload: store.Some(t.Payload),
		Due: t.Due.UnixMilli(), Attempt: t.Attempt, Op: op,
	}
}

func (d taskDoc) task() store.Task {
	return store.Task{ID: d.Task, Kind: d.Kind, Payload: store.Some(d.Payload), Due: at(d.Due), Attempt: d.Attempt}
}

func firstTasks(session, kind string) bson.D {
	return bson.D{{Key: "s", Value: session}, {Key: "kind", Value: kind}}
}

func (h tasks) List(ctx context.Context, session, kind string, limit int) (list []store.Task, err error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, fault("list tasks", err)
	}
	docs, err := findAll[taskDoc](ctx, h.s.col.tasks, firstTasks(session, kind), options.Find().SetSort(asc("due", "_id")).SetLimit(int64(limit)))
	for _, d := range docs {
		list = append(list, d.task())
	}
	return list, fault("list tasks", err)
}

func (h tasks) Get(ctx context.Context, session string, ids []string) (map[string]store.Task, error) {
	found := make(map[string]store.Task, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, fault("get tasks", err)
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = join(session, id)
	}
	docs, err := findAll[taskDoc](ctx, h.s.col.tasks, append(byID(bson.D{{Key: "$in", Value: keys}}), notGone))
	if err != nil {
		return nil, fault("get tasks", err)
	}
	for _, d := range docs {
		found[d.Task] = d.task()
	}
	return found, nil
}
