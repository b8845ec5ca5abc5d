package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
)

type webhooks struct{ s *Store }

type webhookDoc struct {
	ID        string       `bson:"_id"`
	OwnerID   string       `bson:"owner"`
	SessionID string       `bson:"session"`
	URL       string       `bson:"url"`
	Events    []string     `bson:"events"`
	Filters   filtersDoc   `bson:"filters"`
	Headers   []setting    `bson:"headers"` // a list, since names may have dots
	Format    string       `bson:"format"`
	State     string       `bson:"state"`
	Reason    string       `bson:"reason"`
	Secrets   []signingDoc `bson:"secrets"`
	RetryFor  int64        `bson:"retry"`   // milliseconds
	Timeout   int64        `bson:"timeout"` // milliseconds
	OnRefusal string       `bson:"refusal,omitempty"`
	CreatedAt int64        `bson:"created"`
	UpdatedAt int64        `bson:"updated"`

	Version int64 `bson:"v"`
}

type filtersDoc struct {
	Chats   []string `bson:"chats"`
	Senders []string `bson:"senders"`
	Types   []string `bson:"types"`
	FromMe  *bool    `bson:"mine"`
	Groups  *bool    `bson:"groups"`
}

type signingDoc struct {
	Value string `bson:"value"`
	Until int64  `bson:"until"`
}

func newWebhookDoc(w store.Webhook) webhookDoc {
	d := webhookDoc{
		ID: w.ID, OwnerID: w.OwnerID, SessionID: w.SessionID, URL: w.URL, Events: w.Events, Filters: filtersDoc(w.Filters),
		Headers: settings(w.Headers), Format: w.Format, State: w.State, Reason: w.Reason,
		RetryFor: w.RetryFor.Milliseconds(), Timeout: w.Timeout.Milliseconds(), OnRefusal: w.OnRefusal, CreatedAt: w.CreatedAt.UnixMilli(), UpdatedAt: w.UpdatedAt.UnixMilli(),
	}
	for _, s := range w.Secrets {
		d.Secrets = append(d.Secrets, signingDoc{s.Value, s.Until.UnixMilli()})
	}
	return d
}

func (d webhookDoc) webhook() store.Webhook {
	w := store.Webhook{
		ID: d.ID, OwnerID: d.OwnerID, SessionID: d.SessionID, URL: d.URL, Events: d.Events, Filters: store.WebhookFilters(d.Filters),
		Format: d.Format, State: d.State, Reason: d.Reason,
		RetryFor: time.Duration(d.RetryFor) * time.Millisecond, Timeout: time.Duration(d.Timeout) * time.Millisecond, OnRefusal: d.OnRefusal,
		CreatedAt: at(d.CreatedAt), UpdatedAt: at(d.UpdatedAt),
	}
	for _, h := range d.Headers {
		if w.Headers == nil {
			w.Headers = map[string]string{}
		}
		w.Headers[h.Name] = h.Value
	}
	for _, s := range d.Secrets {
		w.Secrets = append(w.Secrets, store.WebhookSecret{Value: s.Value, Until: at(s.Until)})
	}
	return w
}

// Create keeps the cursors first: those of a webhook that a crash left out harm nobody.
func (w webhooks) Create(ctx context.Context, hook store.Webhook, begin []store.WebhookCursor) error {
	if _, err := w.Get(ctx, hook.ID); !errors.Is(err, store.ErrNotFound) {
		if err == nil {
			err = fmt.Errorf("create webhook: %w", store.ErrExists)
		}
		return err
	}
	if err := w.s.keepCursors(ctx, begin, nil); err != nil {
		return fault("create webhook", err)
	}
	err := insert(ctx, "create webhook", w.s.col.webhooks, newWebhookDoc(hook))
	return w.s.ifChanged(ctx, err, store.TopicWebhooks)
}

func (w webhooks) Get(ctx context.Context, id string) (store.Webhook, error) {
	var d webhookDoc
	if err := findOne(ctx, "get webhook", w.s.col.webhooks, byID(id), &d); err != nil {
		return store.Webhook{}, err
	}
	return d.webhook(), nil
}

func webhookFilter(q store.WebhookQuery) bson.D {
	filter := bson.D{}
	if q.Owner != "" {
		filter = append(filter, bson.E{Key: "owner", Value: q.Owner})
	}
	if q.Session != "" {
		filter = append(filter, bson.E{Key: "session", Value: q.Session})
	}
	return filter
}

func (w webhooks) List(ctx context.Context, q store.WebhookQuery) ([]store.Webhook, string, error) {
	docs, next, err := listByID(ctx, "list webhooks", w.s.col.webhooks, q.Page, webhookFilter(q), func(d webhookDoc) string { return d.ID })
	var list []store.Webhook
	for _, d := range docs {
		list = append(list, d.webhook())
	}
	return list, next, err
}

func (w webhooks) Update(ctx context.Context, id string, change func(*store.Webhook) error) (store.Webhook, error) {
	for {
		hook, err := w.update(ctx, id, change)
		err = w.s.ifChanged(ctx, err, store.TopicWebhooks)
		if errors.Is(err, errMoved) {
			if err = pause(ctx); err == nil {
				continue
			}
		}
		return hook, fault("update webhook", err)
	}
}

func (w webhooks) update(ctx context.Context, id string, change func(*store.Webhook) error) (store.Webhook, error) {
	var was webhookDoc
	if err := findOne(ctx, "read webhook", w.s.col.webhooks, byID(id), &was); err != nil {
		return store.Webhook{}, err
	}
	hook := was.webhook()
	if err := change(&hook); err != nil {
		return store.Webhook{}, err
	}
	d := newWebhookDoc(hook)
	d.ID, d.Version = id, was.Version+1
	res, err := w.s.col.webhooks.ReplaceOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "v", Value: was.Version}}, d)
	switch {
	case err != nil:
		return store.Webhook{}, err
	case res.MatchedCount == 0:
		return store.Webhook{}, errMoved
	}
	return d.webhook(), nil
}

func (w webhooks) Delete(ctx context.Context, id string) error {
	res, err := w.s.col.webhooks.DeleteOne(ctx, byID(id))
	if err == nil && res.DeletedCount == 0 {
		err = store.ErrNotFound
	}
	if err == nil {
		w.s.changed(ctx, store.TopicWebhooks)
		err = w.s.dropOfWebhook(ctx, id)
	}
	return fault("delete webhook", err)
}

// dropOfWebhook removes what a webhook that is gone has left.
func (s *Store) dropOfWebhook(ctx context.Context, id string) error {
	ctx, cancel := unbounded(ctx)
	defer cancel()
	for _, c := range []*mongo.Collection{s.col.cursors, s.col.deliveries} {
		if _, err := deleteMany(ctx, c, byID(below(id))); err != nil {
			return err
		}
	}
	return nil
}

// dropWebhooks removes the webhooks that a filter matches.
func (s *Store) dropWebhooks(ctx context.Context, filter bson.D) error {
	docs, err := findAll[webhookDoc](ctx, s.col.webhooks, filter)
	for _, d := range docs {
		if err == nil {
			_, err = deleteMany(ctx, s.col.webhooks, byID(d.ID))
			err = s.ifChanged(ctx, err, store.TopicWebhooks)
		}
		if err == nil {
			err = s.dropOfWebhook(ctx, d.ID)
		}
	}
	return err
}

// dropOfSession removes the files of a session and what webhooks have of it.
func (s *Store) dropOfSession(ctx context.Context, id string) error {
	if err := s.dropWebhooks(ctx, webhookFilter(store.WebhookQuery{Session: id})); err != nil {
		return err
	}
	if _, err := deleteMany(ctx, s.col.files, bson.D{{Key: "session", Value: id}}); err != nil {
		return err
	}
	for _, c := range []*mongo.Collection{s.col.cursors, s.col.deliveries} {
		if _, err := deleteMany(ctx, c, bson.D{{Key: "s", Value: id}}); err != nil {
			return err
		}
	}
	return nil
}

// dropOrphans removes what a crash left of webhooks that are gone.
func (s *Store) dropOrphans(ctx context.Context) error {
	var ids []string
	if err := s.col.deliveries.Distinct(ctx, "w", bson.D{}).Decode(&ids); err != nil {
		return err
	}
	for _, id := range ids {
		_, err := s.Webhooks().Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			err = s.dropOfWebhook(ctx, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
