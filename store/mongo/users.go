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

type users struct{ s *Store }

type userDoc struct {
	ID           string `bson:"_id"`
	Email        string `bson:"email"`
	Name         string `bson:"name"`
	Role         string `bson:"role"`
	Active       bool   `bson:"active"`
	PasswordHash string `bson:"password"`
	CreatedAt    int64  `bson:"created"`
	UpdatedAt    int64  `bson:"updated"`
	LastLoginAt  int64  `bson:"login"`

	Version int64 `bson:"v"`
	Leaving int64 `bson:"leaving,omitempty"` // see admins.go
}

func newUserDoc(u store.User) userDoc {
	return userDoc{
		ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Active: u.Active, PasswordHash: u.PasswordHash,
		CreatedAt: u.CreatedAt.UnixMilli(), UpdatedAt: u.UpdatedAt.UnixMilli(), LastLoginAt: u.LastLoginAt.UnixMilli(),
	}
}

func (d userDoc) user() store.User {
	return store.User{
		ID: d.ID, Email: d.Email, Name: d.Name, Role: d.Role, Active: d.Active, PasswordHash: d.PasswordHash,
		CreatedAt: at(d.CreatedAt), UpdatedAt: at(d.UpdatedAt), LastLoginAt: at(d.LastLoginAt),
	}
}

// at is the time of a number of milliseconds. The zero time has its own number.
func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func (u users) Create(ctx context.Context, user store.User) error {
	return insert(ctx, "create user", u.s.col.users, newUserDoc(user))
}

// insert inserts a document; ErrExists.
func insert(ctx context.Context, doing string, c *mongo.Collection, doc any) error {
	_, err := c.InsertOne(ctx, doc)
	if mongo.IsDuplicateKeyError(err) {
		return fmt.Errorf("%s: %w", doing, store.ErrExists)
	}
	return fault(doing, err)
}

// findOne reads a document; ErrNotFound.
func findOne(ctx context.Context, doing string, c *mongo.Collection, filter, doc any, opts ...options.Lister[options.FindOneOptions]) error {
	return fault(doing, c.FindOne(ctx, filter, opts...).Decode(doc))
}

// findAll reads all documents that a filter matches.
func findAll[T any](ctx context.Context, c *mongo.Collection, filter any, opts ...options.Lister[options.FindOptions]) ([]T, error) {
	cursor, err := c.Find(ctx, filter, opts...)
	if err != nil {
		return nil, err
	}
	var docs []T
	return docs, cursor.All(ctx, &docs)
}

func (u users) Get(ctx context.Context, id string) (store.User, error) {
	var doc userDoc
	if err := findOne(ctx, "get user", u.s.col.users, byID(id), &doc); err != nil {
		return store.User{}, err
	}
	return doc.user(), nil
}

func byID(id any) bson.D { return bson.D{{Key: "_id", Value: id}} }

func (u users) ByEmail(ctx context.Context, email string) (store.User, error) {
	var doc userDoc
	if err := findOne(ctx, "get user by email", u.s.col.users, bson.D{{Key: "email", Value: email}}, &doc); err != nil {
		return store.User{}, err
	}
	return doc.user(), nil
}

func (u users) List(ctx context.Context, p store.Page) ([]store.User, string, error) {
	docs, next, err := listByID(ctx, "list users", u.s.col.users, p, bson.D{}, func(d userDoc) string { return d.ID })
	var list []store.User
	for _, d := range docs {
		list = append(list, d.user())
	}
	return list, next, err
}

// listByID reads one page of a collection that goes by its ids.
func listByID[T any](ctx context.Context, doing string, c *mongo.Collection, p store.Page, filter bson.D, id func(T) string) ([]T, string, error) {
	after, err := store.AfterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", doing, err)
	}
	if p.Limit <= 0 {
		return nil, "", nil
	}
	if p.Cursor != "" {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}})
	}
	docs, err := findAll[T](ctx, c, filter, options.Find().SetSort(asc("_id")).SetLimit(store.OnePast(p)))
	if err != nil {
		return nil, "", fault(doing, err)
	}
	docs, next := store.Cut(docs, p, func(d T) any { return store.IDKey{ID: []byte(id(d))} })
	return docs, next, nil
}

func (u users) CountActiveAdmins(ctx context.Context) (int, error) {
	n, err := u.s.col.users.CountDocuments(ctx, bson.D{{Key: "role", Value: store.RoleAdmin}, {Key: "active", Value: true}})
	return int(n), fault("count admins", err)
}

func (u users) Update(ctx context.Context, id string, change func(*store.User) error) (store.User, error) {
	user, err := u.update(ctx, id, change)
	if err != nil {
		return store.User{}, fault("update user", err)
	}
	return user, nil
}

func (u users) update(ctx context.Context, id string, change func(*store.User) error) (store.User, error) {
	for {
		was, err := u.read(ctx, id)
		if err != nil {
			return store.User{}, err
		}
		user := was.user()
		if err := change(&user); err != nil {
			return store.User{}, err
		}
		doc := newUserDoc(user)
		doc.ID, doc.Version = id, was.Version+1
		err = u.s.settle(ctx, was, activeAdmin(doc), func(ctx context.Context, seen int64) error {
			doc.Version = seen + 1
			res, err := u.s.col.users.ReplaceOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "v", Value: seen}}, doc)
			if mongo.IsDuplicateKeyError(err) {
				return store.ErrExists
			}
			if err == nil && res.MatchedCount == 0 {
				err = errMoved
			}
			return err
		})
		if errors.Is(err, errMoved) {
			if err := pause(ctx); err != nil {
				return store.User{}, err
			}
			continue
		}
		now := doc.user()
		if err == nil && now != seenAt(was.user(), now) {
			u.s.changed(ctx, store.TopicAccess)
		}
		return now, err
	}
}

// seenAt is a user who differs by no more than when he logged in, which is of no interest to others.
func seenAt(was, now store.User) store.User {
	was.LastLoginAt = now.LastLoginAt
	return was
}

func (u users) read(ctx context.Context, id string) (doc userDoc, err error) {
	err = findOne(ctx, "read user", u.s.col.users, byID(id), &doc)
	return doc, err
}

func (u users) Delete(ctx context.Context, id string) error {
	for {
		was, err := u.read(ctx, id)
		if err != nil {
			return fault("delete user", err)
		}
		err = u.s.settle(ctx, was, false, func(ctx context.Context, seen int64) error {
			res, err := u.s.col.users.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "v", Value: seen}})
			if err == nil && res.DeletedCount == 0 {
				err = errMoved
			}
			return err
		})
		if errors.Is(err, errMoved) {
			err = pause(ctx)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return fault("delete user", err)
		}
		u.s.changed(ctx, store.TopicAccess)
		err = u.s.dropWebhooks(ctx, webhookFilter(store.WebhookQuery{Owner: id}))
		if err == nil {
			_, err = deleteMany(ctx, u.s.col.files, bson.D{{Key: "owner", Value: id}})
		}
		return errors.Join(fault("delete user's webhooks and files", err), u.s.Tokens().DeleteOf(ctx, id, ""))
	}
}
