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

type files struct{ s *Store }

type fileDoc struct {
	ID        string         `bson:"_id"`
	OwnerID   string         `bson:"owner"`
	SessionID string         `bson:"session"`
	State     string         `bson:"state"`
	Kind      string         `bson:"kind"`
	Sum       []byte         `bson:"sum,omitempty"`
	Media     store.Media    `bson:"media"` // without its SHA-256
	Failure   *store.Failure `bson:"failure,omitempty"`
	Handle    *handleDoc     `bson:"handle,omitempty"`
	CreatedAt int64          `bson:"created"`
	UpdatedAt int64          `bson:"updated"`
	NeededAt  int64          `bson:"needed"`

	Version int64 `bson:"v"`
}

type handleDoc struct {
	URL           string `bson:"url"`
	DirectPath    string `bson:"directPath"`
	MediaKey      []byte `bson:"mediaKey"`
	FileEncSHA256 []byte `bson:"fileEncSha256"`
	At            int64  `bson:"at"`
}

func newFileDoc(f store.File) fileDoc {
	d := fileDoc{
		ID: f.ID, OwnerID: f.OwnerID, SessionID: f.SessionID, State: f.State, Kind: f.Kind, Sum: f.Media.SHA256, Media: f.Media, Failure: f.Failure,
		CreatedAt: f.CreatedAt.UnixMilli(), UpdatedAt: f.UpdatedAt.UnixMilli(), NeededAt: f.NeededAt.UnixMilli(),
	}
	d.Media.SHA256 = nil
	if h := f.Handle; h != nil {
		d.Handle = &handleDoc{h.URL, h.DirectPath, h.MediaKey, h.FileEncSHA256, h.At.UnixMilli()}
	}
	return d
}

func (d fileDoc) file() store.File {
	f := store.File{
		ID: d.ID, OwnerID: d.OwnerID, SessionID: d.SessionID, State: d.State, Kind: d.Kind, Media: d.Media, Failure: d.Failure,
		CreatedAt: at(d.CreatedAt), UpdatedAt: at(d.UpdatedAt), NeededAt: at(d.NeededAt),
	}
	f.Media.SHA256 = store.Some(d.Sum)
	if h := d.Handle; h != nil {
		f.Handle = &store.UploadHandle{URL: h.URL, DirectPath: h.DirectPath, MediaKey: h.MediaKey, FileEncSHA256: h.FileEncSHA256, At: at(h.At)}
	}
	return f
}

// Create keeps the file, and looks then whether what it belongs to is there: who deletes that
// afterwards finds the file.
func (f files) Create(ctx context.Context, file store.File) error {
	if err := insert(ctx, "create file", f.s.col.files, newFileDoc(file)); err != nil {
		return err
	}
	there, err := f.s.filesBelong(ctx, file.OwnerID, file.SessionID)
	if err == nil && there {
		return nil
	}
	if _, gone := deleteMany(ctx, f.s.col.files, byID(file.ID)); err == nil && gone == nil {
		err = store.ErrNotFound
	} else {
		err = errors.Join(err, gone)
	}
	return fault("create file", err)
}

// filesBelong says whether a user and a session are there; none of either is good too.
func (s *Store) filesBelong(ctx context.Context, owner, session string) (bool, error) {
	for _, of := range []struct {
		c      *mongo.Collection
		id     string
		filter bson.D
	}{{s.col.users, owner, byID(owner)}, {s.col.sessions, session, append(byID(session), bson.E{Key: "deleting", Value: bson.D{{Key: "$ne", Value: true}}})}} {
		if of.id == "" {
			continue
		}
		err := of.c.FindOne(ctx, of.filter).Err()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (f files) Get(ctx context.Context, id string) (store.File, error) {
	var d fileDoc
	if err := findOne(ctx, "get file", f.s.col.files, byID(id), &d); err != nil {
		return store.File{}, err
	}
	return d.file(), nil
}

// listFiles matches the files of a list.
func listFiles(q store.FileQuery, before string) bson.D {
	filter := bson.D{}
	for _, e := range []bson.E{{Key: "owner", Value: q.Owner}, {Key: "session", Value: q.Session}, {Key: "kind", Value: q.Kind}} {
		if e.Value != "" {
			filter = append(filter, e)
		}
	}
	if q.Page.Cursor != "" {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$lt", Value: before}}})
	}
	return filter
}

func (f files) List(ctx context.Context, q store.FileQuery) ([]store.File, string, error) {
	before, err := store.AfterID(q.Page.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list files: %w", err)
	}
	if q.Page.Limit <= 0 {
		return nil, "", nil
	}
	docs, err := findAll[fileDoc](ctx, f.s.col.files, listFiles(q, before), options.Find().SetSort(desc(nil, "_id")).SetLimit(store.OnePast(q.Page)))
	if err != nil {
		return nil, "", fault("list files", err)
	}
	docs, next := store.Cut(docs, q.Page, func(d fileDoc) any { return store.IDKey{ID: []byte(d.ID)} })
	var list []store.File
	for _, d := range docs {
		list = append(list, d.file())
	}
	return list, next, nil
}

func (f files) Update(ctx context.Context, id string, change func(*store.File) error) (store.File, error) {
	for {
		file, err := f.update(ctx, id, change)
		if errors.Is(err, errMoved) {
			if err = pause(ctx); err == nil {
				continue
			}
		}
		return file, fault("update file", err)
	}
}

func (f files) update(ctx context.Context, id string, change func(*store.File) error) (store.File, error) {
	var was fileDoc
	if err := findOne(ctx, "read file", f.s.col.files, byID(id), &was); err != nil {
		return store.File{}, err
	}
	file := was.file()
	if err := change(&file); err != nil {
		return store.File{}, err
	}
	d := newFileDoc(file)
	d.ID, d.Version = id, was.Version+1
	res, err := f.s.col.files.ReplaceOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "v", Value: was.Version}}, d)
	switch {
	case err != nil:
		return store.File{}, err
	case res.MatchedCount == 0:
		return store.File{}, errMoved
	}
	return d.file(), nil
}

func (f files) Delete(ctx context.Context, id string) error {
	n, err := deleteMany(ctx, f.s.col.files, byID(id))
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return fault("delete file", err)
}

func (f files) DeleteBefore(ctx context.Context, before time.Time) (int, error) {
	ctx, cancel := unbounded(ctx)
	defer cancel()
	n, err := deleteMany(ctx, f.s.col.files, bson.D{{Key: "needed", Value: bson.D{{Key: "$lt", Value: before.UnixMilli()}}}})
	return n, fault("delete old files", err)
}

// ofSums matches the files with one of these contents.
func ofSums(sums [][]byte) bson.D {
	return bson.D{{Key: "sum", Value: bson.D{{Key: "$in", Value: sums}}}}
}

func (f files) Needed(ctx context.Context, sums [][]byte) ([]bool, error) {
	needed := make([]bool, len(sums))
	if len(sums) == 0 {
		return needed, nil
	}
	var found [][]byte
	if err := f.s.col.files.Distinct(ctx, "sum", ofSums(sums)).Decode(&found); err != nil {
		return nil, fault("look for files", err)
	}
	known := map[string]bool{}
	for _, sum := range found {
		known[string(sum)] = true
	}
	for i, sum := range sums {
		needed[i] = known[string(sum)]
	}
	return needed, nil
}

// dropOrphanedFiles removes what a crash left of users and sessions that are gone.
func (s *Store) dropOrphanedFiles(ctx context.Context) error {
	for field, belong := range map[string]func(id string) (bool, error){
		"owner":   func(id string) (bool, error) { return s.filesBelong(ctx, id, "") },
		"session": func(id string) (bool, error) { return s.filesBelong(ctx, "", id) },
	} {
		var ids []string
		if err := s.col.files.Distinct(ctx, field, bson.D{}).Decode(&ids); err != nil {
			return err
		}
		for _, id := range ids {
			there, err := belong(id)
			if err == nil && !there {
				_, err = deleteMany(ctx, s.col.files, bson.D{{Key: field, Value: id}})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
