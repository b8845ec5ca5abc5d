package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// plan is SQLite's plan of a query, one step a line.
func plan(t *testing.T, s *Store, sql string, args ...any) string {
	t.Helper()
	var steps []string
	err := s.r.read(t.Context(), "explain", func(c *conn) error {
		return c.query(func(r *row) error {
			r.col += 3 // what the plan is made of
			steps = append(steps, r.text())
			return nil
		}, `EXPLAIN QUERY PLAN `+sql, args...)
	})
	require.NoError(t, err)
	return strings.Join(steps, "\n")
}

// query is a statement and the index that it has to use.
type query struct {
	name, index, sql string
	args             []any
}

// webhookQueries are the lists of webhooks and deliveries.
func webhookQueries() (queries []query) {
	page := store.Page{Limit: 10, Cursor: store.EncodeCursor(store.IDKey{ID: []byte("x")})}
	for index, q := range map[string]store.WebhookQuery{"webhooks_owner": {Owner: "ann", Page: page}, "webhooks_session": {Session: "s", Page: page}} {
		where, args := listWebhooks(q, "x")
		queries = append(queries, query{index, index, `SELECT ` + webhookColumns + ` FROM webhooks WHERE ` + where, args})
	}
	for _, oldest := range []bool{false, true} {
		for index, status := range map[string]string{"deliveries_id": "", "deliveries_status": store.DeliveryDead} {
			where, args := listDeliveries(store.DeliveryQuery{Webhook: "w", Status: status, Oldest: oldest, Page: page}, "x")
			queries = append(queries, query{index, index, `SELECT ` + deliveryColumns + ` FROM deliveries WHERE ` + where, args})
		}
	}
	return append(queries,
		query{"orphans", "deliveries_", `SELECT webhook FROM deliveries WHERE webhook > ? ORDER BY webhook LIMIT 1`, []any{"w"}},
		query{"deliveries of a session", "deliveries_session", `SELECT rowid FROM deliveries WHERE session = ? LIMIT ?`, []any{"s", 1}},
		query{"lane", "deliveries_lane", `SELECT ` + deliveryColumns + ` FROM deliveries WHERE ` + ofLane + ` ORDER BY seq, id LIMIT ?`, []any{"w", "s", "c", false, 20}},
		query{"cursors", "webhook_cursors_key", `SELECT seq FROM webhook_cursors WHERE webhook = ? ORDER BY session, replay`, []any{"w"}},
	)
}

// fileQueries are the lists of files and what the cleaning asks of them.
func fileQueries() (queries []query) {
	page := store.Page{Limit: 10, Cursor: store.EncodeCursor(store.IDKey{ID: []byte("x")})}
	for index, q := range map[string]store.FileQuery{"files_owner": {Owner: "ann", Kind: "image", Page: page}, "files_session": {Session: "s", Page: page}} {
		where, args := listFiles(q, "x")
		queries = append(queries, query{index, index, `SELECT ` + fileColumns + ` FROM files WHERE ` + where, args})
	}
	return append(queries,
		query{"files by content", "files_sha256", fileOfSum, []any{[]byte("x")}},
		query{"old files", "files_needed", `SELECT rowid FROM files WHERE needed < ? LIMIT ?`, []any{1, 2}},
		query{"files of a session", "files_session", `SELECT rowid FROM files WHERE session = ? LIMIT ?`, []any{"s", 1}},
	)
}

// TestListsUseIndexes holds the lists to their indexes: no table is read from end to end,
// and nothing is sorted.
func TestListsUseIndexes(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	at := int64(5)
	yes := true
	chatPage := store.Page{Limit: 10, Cursor: store.EncodeCursor(store.TimeKey{At: &at, ID: []byte("x")})}
	messagePage := store.Page{Limit: 10, Cursor: store.EncodeCursor(store.TimeKey{At: &at, Pos: 3})}
	var queries []query
	for name, q := range map[string]store.ChatQuery{
		"chats": {Page: store.Page{Limit: 10}}, "chats, next page": {Page: chatPage},
		"chats, filtered": {Page: chatPage, Archived: &yes, Unread: &yes, Search: "34600"},
	} {
		sql, args := listChats(1, q)
		queries = append(queries, query{name, "chats_activity", sql, args})
	}
	for name, q := range map[string]store.MessageQuery{
		"messages": {Page: store.Page{Limit: 10}}, "messages, next page": {Page: messagePage},
		"messages, filtered": {Page: messagePage, FromMe: &yes, Type: "text", Before: time.UnixMilli(9), After: time.UnixMilli(1)},
	} {
		where, args := listMessages(1, "c", q)
		queries = append(queries, query{name, "messages_time", `SELECT ` + messageColumns + ` FROM messages WHERE ` + where, args})
	}
	queries = append(queries,
		query{"last message", "messages_time", lastMessage, []any{1, "c"}},
		query{"queued", "messages_queued", `SELECT ` + messageColumns + ` FROM messages WHERE ` + queuedMessages, []any{"s", 5}},
		query{"old messages", "messages_age", oldMessages, []any{1, 2, 3}},
		query{"message by key", "messages_key", `SELECT num FROM messages WHERE ` + byKey, []any{1, "c", "i", "s"}},
		query{"events", "events_seq", eventsAfter, []any{1, 2, 3}},
		query{
			"keys", "keys_key", `SELECT key FROM keys WHERE session = ? AND tbl = ? AND key >= ? AND key > ? AND key < ? ORDER BY key LIMIT ?`,
			[]any{1, "t", []byte("a"), []byte("b"), []byte("c"), 4},
		},
		query{"contacts", "contacts_id", `SELECT id FROM contacts WHERE session = ? AND id > ? ORDER BY id LIMIT ?`, []any{1, "a", 2}},
		query{"alias", "aliases_jid", `SELECT contact FROM aliases WHERE session = ? AND jid = ?`, []any{1, "a"}},
		query{"tasks", "tasks_due", firstTasks, []any{"s", "fetch", 5}},
		query{"receipts", "receipts_key", `SELECT at FROM receipts WHERE session = ? AND chat = ? AND id = ? AND sender = ?`, []any{1, "c", "i", "s"}},
	)
	queries = append(append(queries, webhookQueries()...), fileQueries()...)
	for _, q := range queries {
		got := plan(t, s, q.sql, q.args...)
		require.Contains(t, got, q.index, q.name)
		require.NotContains(t, got, "SCAN", "%s:\n%s", q.name, got)
		require.NotContains(t, got, "TEMP B-TREE", "%s:\n%s", q.name, got)
	}
	where, args := listMessages(1, "c", store.MessageQuery{Search: "two words", Page: messagePage})
	got := plan(t, s, `SELECT num FROM messages WHERE `+where, args...)
	require.Contains(t, got, "words VIRTUAL TABLE INDEX", "a search goes by the words")
	require.NotContains(t, got, "SCAN messages", got)
}
