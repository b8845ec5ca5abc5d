package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

type devices struct{ s *Store }

// keyDoc is one value of a device. Its id ends with the key as text, see ids.go.
type keyDoc struct {
	ID    string `bson:"_id"`
	Key   []byte `bson:"k"`
	Value []byte `bson:"v"`
}

func keyID(session, table, key string) string { return join(session, table, text(key)) }

func (d devices) Get(ctx context.Context, session, table string, keys []string) (map[string][]byte, error) {
	values := make(map[string][]byte, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	if err := d.s.see(ctx, session); err != nil {
		return nil, fault("get device keys", err)
	}
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = keyID(session, table, key)
	}
	docs, err := findAll[keyDoc](ctx, d.s.col.keys, append(byID(bson.D{{Key: "$in", Value: ids}}), notGone))
	if err != nil {
		return nil, fault("get device keys", err)
	}
	for _, doc := range docs {
		values[string(doc.Key)] = doc.value()
	}
	return values, nil
}

// value is never nil: there is no value that is nil.
func (d keyDoc) value() []byte {
	if d.Value == nil {
		return []byte{}
	}
	return d.Value
}

func (d devices) List(ctx context.Context, session, table, prefix, after string, limit int) ([]store.KeyValue, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := d.s.see(ctx, session); err != nil {
		return nil, fault("list device keys", err)
	}
	all := below(session, table)
	table = join(session, table)
	ids := bson.D{{Key: "$gte", Value: table + escape(text(prefix))}, {Key: "$gt", Value: table + escape(text(after)) + "\x00"}}
	if end, bounded := store.PrefixEnd(prefix); bounded {
		ids = append(ids, bson.E{Key: "$lt", Value: table + escape(text(end))})
	} else {
		ids = append(ids, all[1])
	}
	docs, err := findAll[keyDoc](ctx, d.s.col.keys, append(byID(ids), notGone), options.Find().SetSort(asc("_id")).SetLimit(int64(limit)))
	if err != nil {
		return nil, fault("list device keys", err)
	}
	var list []store.KeyValue
	for _, doc := range docs {
		list = append(list, store.KeyValue{Key: string(doc.Key), Value: doc.value()})
	}
	return list, nil
}
