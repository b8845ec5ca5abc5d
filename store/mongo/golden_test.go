package mongo

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/store/storetest"
)

var rewrite = flag.Bool("rewrite", false, "write what this version keeps into testdata, before it is released")

// golden compares bytes with those that are kept of this version of the database.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", fmt.Sprint("v", schemaVersion), name+".bson")
	if *rewrite {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, bson.Raw(want).String(), bson.Raw(got).String(), "documents on disk have another form: a released form can be left by an upgrade only, see schema.go")
	require.Equal(t, want, got)
}

// TestGoldenUnit holds the form in which a unit is committed: those that a crash leaves are read by the
// next version of this program.
func TestGoldenUnit(t *testing.T) {
	t.Parallel()
	doc, rest, err := newUnit(head{unit: 6, seq: 2}, storetest.Golden("s"))
	require.NoError(t, err)
	doc.UID = "uid"
	for name, v := range map[string]any{"unit": doc, "chunk": chunkDoc{ID: doc.chunkID(partRest, 0), N: doc.N, UID: doc.UID, Part: partRest, Data: []byte{1}}} {
		raw, err := marshal(v)
		require.NoError(t, err)
		golden(t, name, raw)
	}
	golden(t, "unit.rest", doc.Rest.Data)
	golden(t, "unit.events", doc.Events.Data)

	var back restDoc
	raw, err := os.ReadFile(filepath.Join("testdata", fmt.Sprint("v", schemaVersion), "unit.rest.bson"))
	require.NoError(t, err)
	require.NoError(t, unmarshal(raw, &back))
	require.Equal(t, rest, back, "and it is read as it was")
}

// TestGoldenDocuments holds the form of each kind of document that a unit is projected into.
func TestGoldenDocuments(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, storetest.GoldenSession("s")))
	_, err := s.Log().Commit(ctx, storetest.GoldenRecords("s"))
	require.NoError(t, err)
	require.NoError(t, get(s.Log().After(ctx, "s", 0, 1)))
	require.NoError(t, s.Leases().Release(ctx, "s"))
	for _, name := range []string{"sessions", "chats", "contacts", "messages", "receipts", "keys", "tasks"} {
		docs, err := findAll[bson.Raw](ctx, s.col.units.Database().Collection(name), byID(bson.D{{Key: "$gte", Value: "s"}}))
		require.NoError(t, err)
		require.Len(t, docs, 1, name)
		golden(t, name, docs[0])
	}
	_, err = s.Messages().Get(ctx, "s", storetest.GoldenRecords("s").Messages[0].MessageKey)
	require.NoError(t, err)
}

// TestGoldenIsRead puts the documents that are kept of this version into a database, and reads them.
func TestGoldenIsRead(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	for _, name := range []string{"sessions", "chats", "contacts", "messages", "receipts", "keys", "tasks"} {
		raw, err := os.ReadFile(filepath.Join("testdata", fmt.Sprint("v", schemaVersion), name+".bson"))
		require.NoError(t, err)
		_, err = s.col.units.Database().Collection(name).InsertOne(ctx, bson.Raw(raw))
		require.NoError(t, err)
	}
	storetest.CheckGolden(t, s, "s")
}

// TestGoldenFile holds the form of a file's record.
func TestGoldenFile(t *testing.T) {
	t.Parallel()
	raw, err := marshal(newFileDoc(storetest.GoldenFile("f")))
	require.NoError(t, err)
	golden(t, "files", raw)
	var back fileDoc
	require.NoError(t, unmarshal(raw, &back))
	require.Equal(t, storetest.GoldenFile("f"), back.file())
}
