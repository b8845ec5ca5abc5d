package mongotest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"whatsapp-api/servertest"
)

// Ends of the names of what Dump writes: for each collection its documents, and its indexes.
const (
	documentsEnd = ".documents.bson"
	indexesEnd   = ".indexes.bson"
)

// Dump writes the database of a URI into a folder, byte for byte: for each collection a file
// of its documents, one after the other as they are stored, and one of its indexes.
func Dump(t testing.TB, uri, dir string) {
	t.Helper()
	within(t, uri, func(ctx context.Context, db *mongo.Database) error {
		names, err := db.ListCollectionNames(ctx, bson.D{})
		if err != nil {
			return err
		}
		for _, name := range names {
			c := db.Collection(name)
			documents, err := c.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
			if err != nil {
				return err
			}
			indexes, err := c.Indexes().List(ctx)
			if err != nil {
				return err
			}
			if err := errors.Join(write(ctx, documents, filepath.Join(dir, name+documentsEnd)),
				write(ctx, indexes, filepath.Join(dir, name+indexesEnd))); err != nil {
				return err
			}
		}
		return nil
	})
}

// Load puts what Dump wrote into the empty database of a URI.
func Load(t testing.TB, uri, dir string) {
	t.Helper()
	within(t, uri, func(ctx context.Context, db *mongo.Database) error {
		files, err := filepath.Glob(filepath.Join(dir, "*"+documentsEnd))
		if err != nil {
			return err
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), documentsEnd)
			documents, err := read(file)
			if err != nil {
				return err
			}
			indexes, err := read(filepath.Join(dir, name+indexesEnd))
			if err != nil {
				return err
			}
			if len(documents) > 0 {
				if _, err := db.Collection(name).InsertMany(ctx, documents); err != nil {
					return fmt.Errorf("load %s: %w", name, err)
				}
			}
			command := bson.D{{Key: "createIndexes", Value: name}, {Key: "indexes", Value: indexes}}
			if err := db.RunCommand(ctx, command).Err(); err != nil {
				return fmt.Errorf("indexes of %s: %w", name, err)
			}
		}
		return nil
	})
}

// within runs fn on the database that a URI names.
func within(t testing.TB, uri string, fn func(context.Context, *mongo.Database) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), servertest.StartTimeout)
	defer cancel()
	parts, err := connstring.ParseAndValidate(uri)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fn(ctx, client.Database(parts.Database)), client.Disconnect(ctx)); err != nil {
		t.Fatalf("database %s: %v", parts.Database, err)
	}
}

func write(ctx context.Context, documents *mongo.Cursor, file string) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return errors.Join(err, documents.Close(ctx))
	}
	defer func() { err = errors.Join(err, documents.Close(ctx), f.Close()) }()
	for documents.Next(ctx) {
		if _, err := f.Write(documents.Current); err != nil {
			return err
		}
	}
	return documents.Err()
}

// read cuts a file into documents: each begins with its own length.
func read(file string) ([]bson.Raw, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []bson.Raw
	for len(raw) > 0 {
		if len(raw) < 4 || int(binary.LittleEndian.Uint32(raw)) > len(raw) || binary.LittleEndian.Uint32(raw) < 5 {
			return nil, fmt.Errorf("read %s: %w", file, io.ErrUnexpectedEOF)
		}
		n := binary.LittleEndian.Uint32(raw)
		list = append(list, bson.Raw(raw[:n]))
		raw = raw[n:]
	}
	return list, nil
}
