package mongo

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
)

const ana, bobsLID = "34600000001@s.whatsapp.net", "77@lid"

// firstVersion leaves a database as the first version does when it is killed: no word of a version,
// contacts without aliases, acts among the messages, and a unit that nobody has projected.
func firstVersion(t *testing.T, uri string) *Store {
	t.Helper()
	s := openIdle(t, uri)
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	message := func(id, kind string) store.Message {
		return store.Message{
			MessageKey: store.MessageKey{Chat: ana, Sender: ana, ID: id}, Type: kind, Text: "t", Raw: []byte{0xab, 1},
			Timestamp: at(1000), Status: store.StatusReceived,
		}
	}
	_, err := s.Log().Commit(ctx, store.Unit{
		Session:  "s",
		Contacts: []store.ContactUpdate{{ID: ana, Phone: ana}, {ID: bobsLID, LID: bobsLID}},
		Chats:    []store.ChatUpdate{{ID: ana, Kind: store.ChatPerson, AddUnread: 1}, {ID: bobsLID, Kind: store.ChatPerson}},
		Messages: []store.Message{message("1", "text"), message("2", "edit")},
		Events:   event("1"),
	})
	require.NoError(t, err)
	require.NoError(t, unreadIn(ctx, s, ana, 1))
	_, err = s.col.contacts.UpdateMany(ctx, bson.D{}, bson.D{{Key: "$unset", Value: bson.D{{Key: "aka", Value: ""}}}})
	require.NoError(t, err)
	for _, field := range []string{"phone", "lid"} {
		_, err = s.col.contacts.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: asc("s", field)})
		require.NoError(t, err)
	}
	_, err = s.Log().Commit(ctx, store.Unit{
		Session:  "s",
		Messages: []store.Message{message("3", "reaction"), message("4", "text")},
		Updates:  []store.MessageUpdate{{Key: message("4", "").MessageKey, EditedAt: ptr(at(2000))}},
		Chats:    []store.ChatUpdate{{ID: ana, Kind: store.ChatPerson, AddUnread: 1}},
		Events:   event("2"),
	})
	require.NoError(t, err)
	_, err = s.col.meta.DeleteMany(ctx, bson.D{})
	require.NoError(t, err)
	return s
}

func unreadIn(ctx context.Context, s *Store, id string, want int) error {
	chat, err := s.Chats().Get(ctx, "s", id)
	if err == nil {
		err = some3(3+chat.Unread-want, nil)
	}
	return err
}

// isUpToDate checks what the upgrade to version 2 makes of firstVersion.
func isUpToDate(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	doc, err := s.schema(ctx)
	require.NoError(t, err)
	require.Equal(t, schemaDoc{ID: schemaID, Version: schemaVersion, OldestReader: schemaVersion}, doc)
	found, err := s.Contacts().Find(ctx, "s", []string{ana, bobsLID})
	require.NoError(t, err)
	require.Equal(t, bobsLID, found[bobsLID].ID)
	require.Equal(t, ana, found[ana].ID)
	chats, _, err := s.Chats().List(ctx, store.ChatQuery{Session: "s", Search: "346", Page: store.Page{Limit: 5}})
	require.NoError(t, err)
	require.Len(t, chats, 1, "found by the number")
	require.Equal(t, 2, chats[0].Unread)
	require.Equal(t, "4", chats[0].LastMessage.ID)
	require.True(t, chats[0].LastMessage.EditedAt.Equal(at(2000)))
	messages, _, err := s.Messages().List(ctx, store.MessageQuery{Session: "s", Chats: []string{ana}, Page: store.Page{Limit: 9}})
	require.NoError(t, err)
	require.Len(t, messages, 2)

	list, err := s.Tasks().List(ctx, "s", "act", 9)
	require.NoError(t, err)
	const who = "33343630303030303030314073" + "2E77686174736170702E6E6574"
	require.Len(t, list, 2)
	require.Equal(t, "act/"+who+"/"+who+"/32", list[0].ID)
	require.Equal(t, "act/"+who+"/"+who+"/33", list[1].ID)
	require.JSONEq(t, `{"chat":"34600000001@s.whatsapp.net","sender":"34600000001@s.whatsapp.net","id":"3","fromMe":false,"timestamp":1000,"raw":"AB01"}`, string(list[1].Payload))
	require.True(t, list[1].Due.Equal(at(1000)))

	specs, err := s.col.contacts.Indexes().ListSpecifications(ctx)
	require.NoError(t, err)
	for _, spec := range specs {
		require.NotContains(t, outdated["contacts"], spec.Name)
	}
	require.Zero(t, count(t, s, "units", "s", bson.D{{Key: "rest", Value: bson.D{{Key: "$exists", Value: true}}}}), "no unit of the old form is left to be projected")
	left, err := s.col.meta.CountDocuments(ctx, byID(upgradeID))
	require.NoError(t, err)
	require.Zero(t, left)
}

func onBoth(t *testing.T, test func(*testing.T, string)) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{"lone": mongotest.Lone, "set": mongotest.ReplicaSet} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, address(t))
		})
	}
}

// TestUpgrade opens the database of the first version in several processes at once, and again.
func TestUpgrade(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		firstVersion(t, uri)
		var opening sync.WaitGroup
		stores := make([]*Store, 3)
		for i := range stores {
			opening.Go(func() { stores[i] = openIdle(t, uri) })
		}
		opening.Wait()
		for _, s := range stores {
			isUpToDate(t, s)
		}
		isUpToDate(t, openIdle(t, uri))
	})
}

// TestUpgradeIsResumed cuts the upgrade off at each of its steps, as a kill does, and opens anew.
func TestUpgradeIsResumed(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		s := firstVersion(t, uri)
		ctx := t.Context()
		for _, step := range []func(context.Context) error{
			s.aliasesOfContacts, s.numbersOfChats,
			func(ctx context.Context) error { // the tasks are kept, the messages not yet deleted
				docs, err := findAll[messageDoc](ctx, s.col.messages, bson.D{{Key: "t", Value: "edit"}})
				require.NoError(t, err)
				task, err := taskOfAct(docs[0])
				require.NoError(t, err)
				return bulk(ctx, s.col.tasks, []mongo.WriteModel{taskWrite("s", store.TaskChange{Task: task}, docs[0].Op, nil)}, false)
			},
		} {
			require.NoError(t, step(ctx))
		}
		_, err := s.col.meta.InsertOne(ctx, bson.D{{Key: "_id", Value: upgradeID}, {Key: "by", Value: "who was killed"}, {Key: "until", Value: time.Now().Add(300 * time.Millisecond)}})
		require.NoError(t, err)
		isUpToDate(t, openIdle(t, uri))
	})
}

// TestUpgradeIsAwaited opens the database while another process upgrades it.
func TestUpgradeIsAwaited(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	s := firstVersion(t, uri)
	_, err := s.startUpgrade(t.Context(), s.col.units.Database())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err = open(ctx, Config{URI: uri}, pace{time.Hour, time.Hour, time.Hour})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "another process brings the database up to date")
	var waits sync.WaitGroup
	for i := range 100 { // whether the time ends between two looks, during one, or too shortly before one
		waits.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second+time.Duration(i)*time.Millisecond)
			defer cancel()
			_, err := s.startUpgrade(ctx, s.col.units.Database())
			assert.ErrorContains(t, err, "another process brings the database up to date")
		})
	}
	waits.Wait()
	opened := make(chan *Store)
	go func() { opened <- openIdle(t, uri) }()
	require.NoError(t, s.upgrade(t.Context(), s.col.units.Database()))
	_, err = s.col.meta.DeleteOne(t.Context(), byID(upgradeID))
	require.NoError(t, err)
	isUpToDate(t, <-opened)
}

// TestNewerDatabaseIsRefused opens what a program of the future has written.
func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	s := openIdle(t, uri)
	for _, test := range []struct {
		oldest int
		ok     bool
	}{{schemaVersion, true}, {schemaVersion + 1, false}} {
		_, err := s.col.meta.ReplaceOne(t.Context(), byID(schemaID), schemaDoc{ID: schemaID, Version: schemaVersion + 1, OldestReader: test.oldest})
		require.NoError(t, err)
		again, err := Open(t.Context(), Config{URI: uri})
		if test.ok {
			require.NoError(t, err)
			require.NoError(t, again.Close())
			continue
		}
		require.EqualError(t, err, "open mongodb: the database has version 3, this program knows only 2: use a newer program")
	}
}

// TestMergesOfTheFirstVersion projects a unit in which the first version joined two chats, of which
// it has projected a part: nothing is counted twice.
func TestMergesOfTheFirstVersion(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	merged := committed{
		doc: unitDoc{Session: "s", N: 1},
		rest: restDoc{
			Merges:   []mergeDoc{{From: bobsLID, To: ana}},
			Contacts: []store.ContactUpdate{{ID: ana, LID: bobsLID}},
			Chats:    []store.ChatUpdate{{ID: ana, Kind: store.ChatPerson, AddUnread: 1}},
		},
	}
	const third = 1<<opBits + 3 // one merge, one contact
	require.NoError(t, bulk(ctx, s.col.chats, []mongo.WriteModel{upsert(join("s", ana), third, blankChat("s", ana), chatChange(merged.rest.Chats[0]))}, true))
	require.NoError(t, s.project(ctx, []committed{merged}, terms{epoch: noEpoch}))
	require.NoError(t, unreadIn(ctx, s, ana, 1))
	found, err := s.Contacts().Get(ctx, "s", []string{bobsLID})
	require.NoError(t, err)
	require.Equal(t, ana, found[bobsLID].ID)
}
