package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

type deliveries struct{ s *Store }

type deliveryDoc struct {
	Key            string `bson:"_id"` // webhook, id
	ID             string `bson:"i"`
	WebhookID      string `bson:"w"`
	SessionID      string `bson:"s"`
	EventID        string `bson:"event"`
	Seq            int64  `bson:"seq"`
	Event          string `bson:"name"`
	Chat           string `bson:"chat"`
	Replay         bool   `bson:"replay"`
	Attempt        int    `bson:"attempt"`
	Done           int    `bson:"done"`
	Status         string `bson:"st"`
	ResponseStatus int    `bson:"response"`
	Error          string `bson:"error"`
	Duration       int64  `bson:"took"` // microseconds
	At             int64  `bson:"at"`
	NextAttemptAt  int64  `bson:"next"`
	Since          int64  `bson:"since"`

	Epoch int64 `bson:"e,omitempty"` // of the duty that wrote it last, or claimed it
}

func newDeliveryDoc(d store.Delivery) deliveryDoc {
	return deliveryDoc{
		Key: join(d.WebhookID, d.ID), ID: d.ID, WebhookID: d.WebhookID, SessionID: d.SessionID, EventID: d.EventID, Seq: d.Seq, Event: d.Event,
		Chat: d.Chat, Replay: d.Replay, Attempt: d.Attempt, Done: d.Done, Status: d.Status, ResponseStatus: d.ResponseStatus, Error: d.Error,
		Duration: d.Duration.Microseconds(), At: d.At.UnixMilli(), NextAttemptAt: d.NextAttemptAt.UnixMilli(), Since: d.Since.UnixMilli(),
	}
}

func (d deliveryDoc) delivery() store.Delivery {
	return store.Delivery{
		ID: d.ID, WebhookID: d.WebhookID, SessionID: d.SessionID, EventID: d.EventID, Seq: d.Seq, Event: d.Event,
		Chat: d.Chat, Replay: d.Replay, Attempt: d.Attempt, Done: d.Done, Status: d.Status, ResponseStatus: d.ResponseStatus, Error: d.Error,
		Duration: time.Duration(d.Duration) * time.Microsecond, At: at(d.At), NextAttemptAt: at(d.NextAttemptAt), Since: at(d.Since),
	}
}

type cursorDoc struct {
	Key       string `bson:"_id"` // webhook, session, replay
	WebhookID string `bson:"w"`
	SessionID string `bson:"s"`
	Replay    string `bson:"replay"`
	Seq       int64  `bson:"seq"`
	Until     int64  `bson:"until"`
	From      int64  `bson:"from"`
	To        int64  `bson:"to"`
	Failed    bool   `bson:"failed"`

	Epoch int64 `bson:"e,omitempty"` // as in deliveryDoc
}

func newCursorDoc(c store.WebhookCursor) cursorDoc {
	return cursorDoc{
		Key: cursorKey(c), WebhookID: c.WebhookID, SessionID: c.SessionID, Replay: c.Replay,
		Seq: c.Seq, Until: c.Until, From: c.From.UnixMilli(), To: c.To.UnixMilli(), Failed: c.Failed,
	}
}

func (c cursorDoc) cursor() store.WebhookCursor {
	return store.WebhookCursor{
		WebhookID: c.WebhookID, SessionID: c.SessionID, Replay: c.Replay, Seq: c.Seq, Until: c.Until, From: at(c.From), To: at(c.To), Failed: c.Failed,
	}
}

func cursorKey(c store.WebhookCursor) string { return join(c.WebhookID, c.SessionID, c.Replay) }

func (d deliveries) Keep(ctx context.Context, p store.DeliveryProgress) error {
	return fault("keep deliveries", d.keep(ctx, p))
}

// keep looks first whether the duty is another's now. Who gets it at this moment makes what it goes on from
// its own, see Claim: then the writes fail one by one.
func (d deliveries) keep(ctx context.Context, p store.DeliveryProgress) error {
	if err := d.s.onDuty(ctx, p.By); err != nil {
		return err
	}
	there := presence{s: d.s, known: map[[2]string]bool{}}
	var writes []mongo.WriteModel
	for _, x := range p.Deliveries {
		ok, err := there.both(ctx, x.WebhookID, x.SessionID)
		if err != nil {
			return err
		}
		if ok {
			doc := newDeliveryDoc(x)
			doc.Epoch = epochOf(p.By)
			writes = append(writes, onDutyWrite(doc.Key, doc, p.By))
		}
	}
	if err := fencedBulk(ctx, d.s.col.deliveries, writes); err != nil {
		return err
	}
	var cursors []store.WebhookCursor
	for _, c := range p.Cursors {
		ok, err := there.both(ctx, c.WebhookID, c.SessionID)
		if err != nil {
			return err
		}
		if ok {
			cursors = append(cursors, c)
		}
	}
	if err := d.s.keepCursors(ctx, cursors, p.By); err != nil {
		return err
	}
	var ended []string
	for _, c := range p.Ended {
		ended = append(ended, cursorKey(c))
	}
	if len(ended) > 0 {
		if _, err := deleteMany(ctx, d.s.col.cursors, append(byID(bson.D{{Key: "$in", Value: ended}}), notClaimed(p.By)...)); err != nil {
			return err
		}
	}
	if p.By == nil {
		d.s.changed(ctx, store.TopicDeliveries)
	}
	return nil
}

func (s *Store) keepCursors(ctx context.Context, cursors []store.WebhookCursor, by *store.Duty) error {
	var writes []mongo.WriteModel
	for _, c := range cursors {
		doc := newCursorDoc(c)
		doc.Epoch = epochOf(by)
		writes = append(writes, onDutyWrite(doc.Key, doc, by))
	}
	return fencedBulk(ctx, s.col.cursors, writes)
}

func epochOf(by *store.Duty) int64 {
	if by == nil {
		return 0
	}
	return by.Epoch
}

// notClaimed is part of the filter of what the holder of a duty writes: no later one has claimed it.
func notClaimed(by *store.Duty) bson.D {
	if by == nil {
		return nil
	}
	return bson.D{{Key: "e", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gt", Value: by.Epoch}}}}}}
}

// onDutyWrite makes or changes a document. Without a duty it leaves who claimed it.
func onDutyWrite(id string, doc any, by *store.Duty) mongo.WriteModel {
	return mongo.NewUpdateOneModel().SetFilter(append(byID(id), notClaimed(by)...)).SetUpdate(bson.D{{Key: "$set", Value: doc}}).SetUpsert(true)
}

// fencedBulk writes; ErrFenced when a later holder of the duty has claimed one of the documents.
func fencedBulk(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel) error {
	if len(models) == 0 {
		return nil
	}
	_, err := c.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	if err != nil && known(err) == nil {
		return store.ErrFenced
	}
	return err
}

// Claim marks what there is with the epoch of the duty.
func (d deliveries) Claim(ctx context.Context, webhook string, by *store.Duty) error {
	if err := d.s.onDuty(ctx, by); err != nil {
		return fault("claim deliveries", err)
	}
	ctx, cancel := unbounded(ctx)
	defer cancel()
	mark := bson.D{{Key: "$set", Value: bson.D{{Key: "e", Value: by.Epoch}}}}
	_, err := d.s.col.cursors.UpdateMany(ctx, append(byID(below(webhook)), notClaimed(by)...), mark)
	if err == nil {
		_, err = d.s.col.deliveries.UpdateMany(ctx, append(waitingOf(webhook), notClaimed(by)...), mark)
	}
	return fault("claim deliveries", err)
}

// waitingOf matches the deliveries of a webhook that wait.
func waitingOf(webhook string) bson.D {
	return bson.D{{Key: "w", Value: webhook}, {Key: "st", Value: bson.D{{Key: "$in", Value: bson.A{store.DeliveryPending, store.DeliveryFailed}}}}}
}

func (d deliveries) Replays(ctx context.Context) ([]store.WebhookCursor, error) {
	docs, err := findAll[cursorDoc](ctx, d.s.col.cursors, bson.D{{Key: "replay", Value: bson.D{{Key: "$gt", Value: ""}}}})
	var list []store.WebhookCursor
	for _, c := range docs {
		list = append(list, c.cursor())
	}
	return list, fault("list replays", err)
}

// presence looks up, once for each, whether webhooks and sessions are there.
type presence struct {
	s     *Store
	known map[[2]string]bool
}

func (p presence) both(ctx context.Context, webhook, session string) (bool, error) {
	key := [2]string{webhook, session}
	if there, seen := p.known[key]; seen {
		return there, nil
	}
	_, err := p.s.Webhooks().Get(ctx, webhook)
	if err == nil {
		_, err = p.s.find(ctx, "get session", session)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	p.known[key] = err == nil
	return err == nil, nil
}

func (d deliveries) Cursors(ctx context.Context, webhook string) ([]store.WebhookCursor, error) {
	docs, err := findAll[cursorDoc](ctx, d.s.col.cursors, byID(below(webhook)), options.Find().SetSort(asc("_id")))
	var list []store.WebhookCursor
	for _, c := range docs {
		list = append(list, c.cursor())
	}
	return list, fault("list webhook cursors", err)
}

func (d deliveries) Get(ctx context.Context, webhook, id string) (store.Delivery, error) {
	var doc deliveryDoc
	if err := findOne(ctx, "get delivery", d.s.col.deliveries, byID(join(webhook, id)), &doc); err != nil {
		return store.Delivery{}, err
	}
	return doc.delivery(), nil
}

// listDeliveries makes filter and order of a list. With a status it goes by that index, else
// by the documents' ids.
func listDeliveries(q store.DeliveryQuery, from string) (filter, order bson.D) {
	beyond, direction := 1, -1 // which bound of the range the cursor moves
	if q.Oldest {
		beyond, direction = 0, 1
	}
	if q.Status != "" {
		filter = bson.D{{Key: "w", Value: q.Webhook}, {Key: "st", Value: q.Status}}
		if q.Page.Cursor != "" {
			filter = append(filter, bson.E{Key: "i", Value: bson.D{{Key: []string{"$gt", "$lt"}[beyond], Value: from}}})
		}
		return filter, bson.D{{Key: "i", Value: direction}}
	}
	span := below(q.Webhook)
	if q.Page.Cursor != "" {
		span[beyond].Value = join(q.Webhook, from)
	}
	return byID(span), bson.D{{Key: "_id", Value: direction}}
}

func (d deliveries) List(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, string, error) {
	from, err := store.AfterID(q.Page.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list deliveries: %w", err)
	}
	if q.Page.Limit <= 0 {
		return nil, "", nil
	}
	filter, order := listDeliveries(q, from)
	docs, err := findAll[deliveryDoc](ctx, d.s.col.deliveries, filter, options.Find().SetSort(order).SetLimit(store.OnePast(q.Page)))
	if err != nil {
		return nil, "", fault("list deliveries", err)
	}
	docs, next := store.Cut(docs, q.Page, func(d deliveryDoc) any { return store.IDKey{ID: []byte(d.ID)} })
	var list []store.Delivery
	for _, doc := range docs {
		list = append(list, doc.delivery())
	}
	return list, next, nil
}

func (d deliveries) Waiting(ctx context.Context, webhook string, passed map[string]int64) (int64, error) {
	if len(passed) == 0 {
		return 0, nil
	}
	ofSession := bson.A{}
	for session, seq := range passed {
		ofSession = append(ofSession, bson.D{{Key: "s", Value: session}, {Key: "$or", Value: bson.A{
			bson.D{{Key: "replay", Value: true}}, bson.D{{Key: "seq", Value: bson.D{{Key: "$lte", Value: seq}}}},
		}}})
	}
	n, err := d.s.col.deliveries.CountDocuments(ctx, append(waitingOf(webhook), bson.E{Key: "$or", Value: ofSession}))
	return n, fault("count waiting deliveries", err)
}

func ofLane(l store.DeliveryLane) bson.D {
	return append(waitingOf(l.Webhook), bson.D{{Key: "s", Value: l.Session}, {Key: "chat", Value: l.Chat}, {Key: "replay", Value: l.Replay}}...)
}

// laneOrder is that of laneIndex.
var laneOrder = asc("seq", "i")

// laneIndex has what waits of a chat; the server merges the two states.
func laneIndex() mongo.IndexModel {
	return mongo.IndexModel{Keys: asc("w", "s", "chat", "replay", "st", "seq", "i")}
}

func (d deliveries) Lane(ctx context.Context, lane store.DeliveryLane, limit int) ([]store.Delivery, error) {
	docs, err := findAll[deliveryDoc](ctx, d.s.col.deliveries, ofLane(lane), options.Find().SetSort(laneOrder).SetLimit(int64(limit)))
	var list []store.Delivery
	for _, doc := range docs {
		list = append(list, doc.delivery())
	}
	return list, fault("list a lane of deliveries", err)
}

func (d deliveries) CountLane(ctx context.Context, lane store.DeliveryLane) (int64, error) {
	n, err := d.s.col.deliveries.CountDocuments(ctx, ofLane(lane))
	return n, fault("count a lane of deliveries", err)
}

func (d deliveries) Prune(ctx context.Context, webhook, status, before string, keep int) (int, error) {
	mine := bson.D{{Key: "w", Value: webhook}, {Key: "st", Value: status}}
	var oldest deliveryDoc
	err := findOne(ctx, "prune deliveries", d.s.col.deliveries, mine, &oldest, options.FindOne().SetSort(desc(nil, "i")).SetSkip(int64(max(keep, 1)-1)))
	switch {
	case err == nil:
		before = max(before, oldest.ID)
	case !errors.Is(err, store.ErrNotFound):
		return 0, err
	}
	ctx, cancel := unbounded(ctx)
	defer cancel()
	n, err := deleteMany(ctx, d.s.col.deliveries, append(mine, bson.E{Key: "i", Value: bson.D{{Key: "$lt", Value: before}}}))
	return n, fault("prune deliveries", err)
}
