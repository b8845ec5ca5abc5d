package mongo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
)

// plan are the stages of the plan that the server chose for a command.
func plan(t *testing.T, s *Store, command bson.D) []string {
	t.Helper()
	var explained bson.D
	err := s.col.units.Database().RunCommand(t.Context(), bson.D{
		{Key: "explain", Value: command}, {Key: "verbosity", Value: "queryPlanner"},
	}).Decode(&explained)
	require.NoError(t, err)
	return stages(explained)
}

func stages(v any) (names []string) {
	switch v := v.(type) {
	case bson.D:
		for _, e := range v {
			switch name, isText := e.Value.(string); {
			case e.Key == "rejectedPlans":
			case e.Key == "stage" && isText:
				names = append(names, name)
			default:
				names = append(names, stages(e.Value)...)
			}
		}
	case bson.A:
		for _, e := range v {
			names = append(names, stages(e)...)
		}
	}
	return names
}

func find(collection string, filter, sort bson.D) bson.D {
	return bson.D{{Key: "find", Value: collection}, {Key: "filter", Value: filter}, {Key: "sort", Value: sort}, {Key: "limit", Value: 11}}
}

// TestListsUseIndexes holds the lists to their indexes: no collection is read from end to
// end, and nothing is sorted.
func TestListsUseIndexes(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	for _, id := range []string{"s", "other"} {
		require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: id}))
		u := store.Unit{Session: id}
		for i := range 200 {
			key := store.MessageKey{Chat: fmt.Sprint(i % 10), ID: fmt.Sprint(i)}
			u.Messages = append(u.Messages, store.Message{MessageKey: key, Text: fmt.Sprint("word", i), Timestamp: at(int64(i)), Status: store.StatusQueued})
			u.Chats = append(u.Chats, store.ChatUpdate{ID: fmt.Sprint(i), ActivityAt: at(int64(i))})
			u.Contacts = append(u.Contacts, store.ContactUpdate{ID: fmt.Sprint(i), Phone: fmt.Sprint("p", i), LID: fmt.Sprint("l", i)})
			u.Events = append(u.Events, store.Event{ID: fmt.Sprint(i)})
		}
		_, err := s.Log().Commit(ctx, u)
		require.NoError(t, err)
		require.NoError(t, s.see(ctx, id))
	}
	now, yes := int64(100), false
	queries := map[string]bson.D{
		"queued":   find("messages", queuedMessages("s"), asc("ts", "pos")),
		"old":      find("messages", olderThan("s", at(50)), asc("ts", "pos")),
		"events":   find("units", unitsFrom(sessionDoc{ID: "s"}, 0), asc("last")),
		"tasks":    find("tasks", firstTasks("s", "fetch"), asc("due", "_id")),
		"contacts": find("contacts", byID(below("s")), asc("_id")),
	}
	for name, page := range map[string]store.Page{
		"first": {Limit: 10}, "next": {Limit: 10, Cursor: store.EncodeCursor(store.TimeKey{At: &now, ID: []byte("x"), Pos: 7})},
	} {
		for filter, q := range map[string]store.MessageQuery{
			"all": {}, "mine": {FromMe: &yes, Type: "", Before: at(150), After: at(1)},
		} {
			q.Session, q.Chats, q.Page = "s", []string{"3"}, page
			cond, err := listMessages(q)
			require.NoError(t, err)
			queries["messages "+name+" "+filter] = find("messages", cond, newestFirst())
		}
		for filter, q := range map[string]store.ChatQuery{"all": {}, "filtered": {Archived: &yes, Unread: &yes}} {
			q.Session, q.Page = "s", page
			cond, err := listChats(q)
			require.NoError(t, err)
			queries["chats "+name+" "+filter] = find("chats", cond, chatOrder())
		}
	}
	for name, q := range map[string]store.DeliveryQuery{
		"newest": {}, "oldest": {Oldest: true}, "dead": {Status: store.DeliveryDead}, "oldest dead": {Status: store.DeliveryDead, Oldest: true},
	} {
		q.Webhook, q.Page = "w", store.Page{Limit: 10, Cursor: store.EncodeCursor(store.IDKey{ID: []byte("x")})}
		filter, order := listDeliveries(q, "x")
		queries["deliveries "+name] = find("deliveries", filter, order)
	}
	queries["a lane"] = find("deliveries", ofLane(store.DeliveryLane{Webhook: "w", Session: "s", Chat: "c"}), laneOrder)
	queries["webhooks"] = find("webhooks", webhookFilter(store.WebhookQuery{Owner: "ann"}), asc("_id"))
	queries["webhooks of a session"] = find("webhooks", webhookFilter(store.WebhookQuery{Session: "s"}), asc("_id"))
	for name, q := range map[string]store.FileQuery{"of a user": {Owner: "ann", Kind: "image"}, "of a session": {Session: "s"}} {
		q.Page.Cursor = "c"
		queries["files "+name] = find("files", listFiles(q, "x"), desc(nil, "_id"))
	}
	queries["files by content"] = find("files", ofSums([][]byte{{1}, {2}}), bson.D{})
	for name, command := range queries {
		got := plan(t, s, command)
		require.Contains(t, got, "IXSCAN", name)
		require.NotContains(t, got, "COLLSCAN", name)
		require.NotContains(t, got, "SORT", name)
	}
	search, err := listMessages(store.MessageQuery{Session: "s", Chats: []string{"3"}, Search: "word13", Page: store.Page{Limit: 5}})
	require.NoError(t, err)
	places := append(find("messages", search, newestFirst()),
		bson.E{Key: "projection", Value: placeOnly()}, bson.E{Key: "hint", Value: wordsIndex})
	require.NotContains(t, plan(t, s, places), "FETCH", "a search is answered from the index")
}

// TestOutdatedIndexesGo opens a database of a version that had another index of words.
func TestOutdatedIndexesGo(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	names := func() (names []string) {
		specs, err := s.col.messages.Indexes().ListSpecifications(t.Context())
		require.NoError(t, err)
		for _, spec := range specs {
			names = append(names, spec.Name)
		}
		return names
	}
	_, err := s.col.messages.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: asc("s", "c", "w")})
	require.NoError(t, err)
	require.Subset(t, names(), outdated["messages"])
	require.NoError(t, s.index(t.Context()))
	require.NotContains(t, names(), outdated["messages"][0])
	require.Contains(t, names(), wordsIndex)
}

// TestLastMessagesUseTheIndex counts what the server looks at for the newest messages of a page
// of chats: one message for each.
func TestLastMessagesUseTheIndex(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	u := store.Unit{Session: "s"}
	for i := range 500 {
		u.Messages = append(u.Messages, store.Message{MessageKey: store.MessageKey{Chat: fmt.Sprint(i % 5), ID: fmt.Sprint(i)}, Timestamp: at(int64(i))})
		u.Chats = append(u.Chats, store.ChatUpdate{ID: fmt.Sprint(i % 5)})
	}
	_, err := s.Log().Commit(ctx, u)
	require.NoError(t, err)
	require.NoError(t, s.see(ctx, "s"))
	var explained bson.D
	err = s.col.units.Database().RunCommand(ctx, bson.D{{Key: "explain", Value: bson.D{
		{Key: "aggregate", Value: "messages"}, {Key: "pipeline", Value: newestOf("s", []string{"0", "1", "2", "3", "4"})}, {Key: "cursor", Value: bson.D{}},
	}}, {Key: "verbosity", Value: "executionStats"}}).Decode(&explained)
	require.NoError(t, err)
	require.Contains(t, stages(explained), "DISTINCT_SCAN", "%v", explained)
	require.NotContains(t, stages(explained), "COLLSCAN")
	chats, _, err := s.Chats().List(ctx, store.ChatQuery{Session: "s", Page: store.Page{Limit: 10}})
	require.NoError(t, err)
	require.Len(t, chats, 5)
	for _, c := range chats {
		require.Equal(t, "49"+string('5'+c.ID[0]-'0'), c.LastMessage.ID)
	}
}
