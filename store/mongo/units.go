package mongo

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

const (
	// inlineBytes is how much a unit's document holds. What is larger goes into chunks
	// first, which count for nothing until the unit's document is there.
	inlineBytes = 12 << 20
	// maxValue bounds one message, key or event: a document holds 16 MB, of which the
	// words of a text take some. WhatsApp's own limit for a message is far below.
	maxValue = 14 << 20
	// opBits is how many changes a unit may have, as a power of two. The number of a
	// change, and the Pos of a message, is unit<<opBits plus its place in the unit.
	opBits = 20
)

// unitDoc is a unit as it is committed. Its id is the session and the unit's number, so
// of two writers only one can insert it.
type unitDoc struct {
	ID      string `bson:"_id"`
	Session string `bson:"s"`
	N       int64  `bson:"n"`
	UID     string `bson:"uid"` // random: whose insert it was

	First  int64 `bson:"first,omitempty"` // Seq of its events; none without events
	Last   int64 `bson:"last,omitempty"`
	Newest int64 `bson:"newest,omitempty"` // latest time of its events
	Events blob  `bson:"events,omitempty"` // an eventsDoc
	Rest   blob  `bson:"rest,omitempty"`   // a restDoc; removed once the unit is durable

	// Fence is when the unit was made in a place that another insert may still be under way to: that
	// of an owner before, or one that was given up. It stays, so that the place is never free again.
	Fence int64 `bson:"fence,omitempty"`
}

// blob is encoded BSON, here or in so many chunks.
type blob struct {
	Data   []byte `bson:"d,omitempty"`
	Chunks int    `bson:"c,omitempty"`
}

type chunkDoc struct {
	ID   string `bson:"_id"` // session, unit, uid, part, number
	N    int64  `bson:"n"`
	UID  string `bson:"uid"`
	Part string `bson:"part"`
	Data []byte `bson:"d"`
}

// Parts of a unit that may be in chunks.
const (
	partEvents = "events"
	partRest   = "rest"
)

type eventsDoc struct {
	Events []eventDoc `bson:"e"`
}

type eventDoc struct {
	ID        string `bson:"id"`
	Name      string `bson:"n"`
	Timestamp int64  `bson:"t"`
	Data      []byte `bson:"d"`
}

// restDoc is all of a unit but its events.
type restDoc struct {
	ForgetKeys bool                  `bson:"f,omitempty"`
	Keys       []store.KeyChange     `bson:"k,omitempty"`
	Contacts   []store.ContactUpdate `bson:"p,omitempty"`
	Chats      []store.ChatUpdate    `bson:"c,omitempty"`
	Messages   []store.Message       `bson:"m,omitempty"`
	Updates    []store.MessageUpdate `bson:"u,omitempty"`
	Receipts   []store.Receipt       `bson:"r,omitempty"`
	Tasks      []store.TaskChange    `bson:"t,omitempty"`
	State      *store.SessionUpdate  `bson:"s,omitempty"`

	// Merges of chats, as the first version wrote them; they are read only.
	Merges []mergeDoc `bson:"g,omitempty"`
}

type mergeDoc struct {
	From string `bson:"from"`
	To   string `bson:"to"`
}

func restOf(u store.Unit) restDoc {
	return restDoc{
		ForgetKeys: u.ForgetKeys, Keys: u.Keys, Contacts: u.Contacts, Chats: u.Chats, Messages: u.Messages,
		Updates: u.Updates, Receipts: u.Receipts, Tasks: u.Tasks, State: u.State,
	}
}

func unitID(session string, n int64) string { return join(session, number(n)) }

// number writes a number such that the order of the texts is that of the numbers.
func number(n int64) string { return fmt.Sprintf("%016x", n) }

// unitsBetween matches the ids of the units with after < n ≤ last.
func unitsBetween(session string, after, last int64) bson.D {
	return byID(bson.D{{Key: "$gt", Value: unitID(session, after)}, {Key: "$lte", Value: unitID(session, last)}})
}

// newUnit makes the document that comes after h.
func newUnit(h head, u store.Unit) (doc unitDoc, rest restDoc, err error) {
	if err := fits(u); err != nil {
		return doc, rest, err
	}
	doc = unitDoc{ID: unitID(u.Session, h.unit+1), Session: u.Session, N: h.unit + 1, UID: rand.Text()}
	if len(u.Events) > 0 {
		var events eventsDoc
		doc.First, doc.Last, doc.Newest = h.seq+1, h.seq+int64(len(u.Events)), store.Never
		for _, e := range u.Events {
			ms := e.Timestamp.UnixMilli()
			doc.Newest = max(doc.Newest, ms)
			events.Events = append(events.Events, eventDoc{ID: e.ID, Name: e.Name, Timestamp: ms, Data: e.Data})
		}
		if doc.Events.Data, err = marshal(events); err != nil {
			return doc, rest, err
		}
	}
	rest = restOf(u)
	doc.Rest.Data, err = marshal(rest)
	return doc, rest, err
}

// fits refuses what could be committed but never be projected.
func fits(u store.Unit) error {
	if n := u.Changes(); n >= 1<<opBits-1 {
		return fmt.Errorf("%w: a unit of %d changes", store.ErrTooLarge, n)
	}
	check := func(what string, sizes ...int) error {
		sum := 0
		for _, n := range sizes {
			sum += n
		}
		if sum > maxValue {
			return fmt.Errorf("%w: %s of %d bytes", store.ErrTooLarge, what, sum)
		}
		return nil
	}
	for _, m := range u.Messages {
		quoted := 0
		if m.Quoted != nil {
			quoted = len(m.Quoted.Text)
		}
		if err := check("a message", len(m.Text), len(m.Raw), quoted, 64*len(m.Mentions)); err != nil {
			return err
		}
	}
	for _, m := range u.Updates {
		if m.Body == nil {
			continue
		}
		if err := check("a message", len(m.Body.Text), len(m.Body.Raw)); err != nil {
			return err
		}
	}
	for _, k := range u.Keys {
		if err := check("a key", 3*len(k.Key), len(k.Value)); err != nil {
			return err
		}
	}
	for _, t := range u.Tasks {
		if err := check("a task", len(t.Task.Payload)); err != nil {
			return err
		}
	}
	for _, e := range u.Events {
		if err := check("an event", len(e.Data)); err != nil {
			return err
		}
	}
	return nil
}

// events are the events of a unit.
func (d unitDoc) events(encoded []byte) ([]store.Event, error) {
	if len(encoded) == 0 {
		return nil, nil
	}
	var events eventsDoc
	if err := unmarshal(encoded, &events); err != nil {
		return nil, fmt.Errorf("events of unit %d: %w", d.N, err)
	}
	list := make([]store.Event, len(events.Events))
	for i, e := range events.Events {
		list[i] = store.Event{
			ID: e.ID, Seq: d.First + int64(i), SessionID: d.Session, Name: e.Name, Timestamp: at(e.Timestamp), Data: store.Some(e.Data),
		}
	}
	return list, nil
}

// chunksBetween matches the ids of the chunks of the units with after < n ≤ last. They
// begin with their unit's id.
func chunksBetween(session string, after, last int64) bson.D {
	return byID(bson.D{{Key: "$gt", Value: unitID(session, after+1)}, {Key: "$lt", Value: unitID(session, last+1)}})
}

func (d unitDoc) chunkID(part string, i int) string {
	return join(d.Session, number(d.N), d.UID, part, number(int64(i)))
}

// split moves what is too large for the document into chunks.
func (s *Store) split(ctx context.Context, d *unitDoc) error {
	if len(d.Events.Data)+len(d.Rest.Data) <= inlineBytes {
		return nil
	}
	for _, part := range []struct {
		name string
		b    *blob
	}{{partRest, &d.Rest}, {partEvents, &d.Events}} {
		for len(part.b.Data) > 0 {
			n := min(len(part.b.Data), inlineBytes)
			_, err := s.col.chunks.InsertOne(ctx, chunkDoc{
				ID: d.chunkID(part.name, part.b.Chunks), N: d.N, UID: d.UID, Part: part.name, Data: part.b.Data[:n],
			})
			if err != nil {
				return fmt.Errorf("insert chunk: %w", err)
			}
			part.b.Data, part.b.Chunks = part.b.Data[n:], part.b.Chunks+1
		}
		part.b.Data = nil
	}
	return nil
}

// load returns the whole of a blob.
func (s *Store) load(ctx context.Context, d unitDoc, part string, b blob) ([]byte, error) {
	if b.Chunks == 0 {
		return b.Data, nil
	}
	chunks, err := findAll[chunkDoc](ctx, s.col.chunks, byID(below(d.Session, number(d.N), d.UID, part)),
		options.Find().SetSort(asc("_id")))
	if err != nil {
		return nil, err
	}
	if len(chunks) != b.Chunks {
		return nil, fmt.Errorf("unit %d has %d of its %d chunks", d.N, len(chunks), b.Chunks)
	}
	var all bytes.Buffer
	for _, c := range chunks {
		all.Write(c.Data)
	}
	return all.Bytes(), nil
}

// rest decodes all of a unit but its events.
func (s *Store) rest(ctx context.Context, d unitDoc) (rest restDoc, err error) {
	encoded, err := s.load(ctx, d, partRest, d.Rest)
	if err != nil {
		return rest, err
	}
	if err := unmarshal(encoded, &rest); err != nil {
		return rest, fmt.Errorf("unit %d: %w", d.N, err)
	}
	return rest, nil
}

// keptOf is the answer to the commit of a unit.
func keptOf(d unitDoc, h head, u store.Unit) store.Kept {
	kept := store.Kept{LastSeq: h.seq}
	for i := range u.Messages {
		kept.Pos = append(kept.Pos, d.N<<opBits+int64(i)+1)
	}
	for i, e := range u.Events {
		e.Seq, e.SessionID, e.Timestamp = d.First+int64(i), u.Session, time.UnixMilli(e.Timestamp.UnixMilli()).UTC()
		kept.Events = append(kept.Events, e)
	}
	return kept
}
