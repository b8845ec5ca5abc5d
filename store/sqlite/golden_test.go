package sqlite

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store/storetest"
)

var rewrite = flag.Bool("rewrite", false, "write what this version keeps into testdata, before it is released")

// TestGolden holds the form of the rows that a unit makes: what a release has kept, the next one reads.
func TestGolden(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, storetest.GoldenSession("s")))
	_, err := s.Log().Commit(ctx, storetest.GoldenRecords("s"))
	require.NoError(t, err)
	storetest.CheckGolden(t, s, "s")
	file := storetest.GoldenFile("f")
	file.OwnerID, file.SessionID = "", "s"
	require.NoError(t, s.Files().Create(ctx, file))

	var b strings.Builder
	for _, table := range []string{"sessions", "contacts", "aliases", "chats", "messages", "receipts", "keys", "tasks", "events", "files"} {
		require.NoError(t, s.r.read(ctx, "read rows", func(c *conn) error { return dump(c, &b, table) }))
	}
	name := filepath.Join("testdata", fmt.Sprintf("v%d.txt", len(migrations)))
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "rows have another form: a released form can be left by a migration only")
}

// dump writes the rows of a table, a value a line.
func dump(c *conn, b *strings.Builder, table string) error {
	var columns []string
	err := c.query(func(r *row) error {
		columns = append(columns, r.text())
		return nil
	}, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return err
	}
	quoted := "quote(" + strings.Join(columns, "), quote(") + ")"
	return c.query(func(r *row) error {
		fmt.Fprintln(b, table)
		for _, name := range columns {
			fmt.Fprintf(b, "\t%s = %s\n", name, r.text())
		}
		return nil
	}, "SELECT "+quoted+" FROM "+table+" ORDER BY rowid")
}
