package storetest

import (
	"hash/crc32"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// Golden is a unit in which every field of every record is set, to values that follow from the names
// in the tags alone: a renamed field of Go changes nothing, a renamed tag does, and a field that is
// new leaves the others as they are. It panics over a field without a tag, whose name on disk would be
// that of the Go field.
func Golden(session string) store.Unit {
	u := store.Unit{
		Session: session, ForgetKeys: true, State: ptr(filled[store.SessionUpdate]()),
		Keys: []store.KeyChange{filled[store.KeyChange]()}, Contacts: []store.ContactUpdate{filled[store.ContactUpdate]()},
		Chats: []store.ChatUpdate{filled[store.ChatUpdate]()}, Messages: []store.Message{filled[store.Message]()},
		Updates: []store.MessageUpdate{filled[store.MessageUpdate]()}, Receipts: []store.Receipt{filled[store.Receipt]()},
		Tasks:  []store.TaskChange{filled[store.TaskChange]()},
		Events: []store.Event{{ID: "event", Name: "name", Timestamp: goldenTime("event"), Data: []byte(`{"a":1}`)}},
	}
	u.Messages[0].SessionID = session
	return u
}

// GoldenRecords is Golden as one whose every record stands in the store afterwards: nothing in it
// deletes or takes back another.
func GoldenRecords(session string) store.Unit {
	u := Golden(session)
	u.Updates, u.ForgetKeys = nil, false
	u.Messages[0].RevokedAt, u.Tasks[0].Done = time.Time{}, false
	u.Contacts[0].SameAs, u.Chats[0].Into, u.Chats[0].Gone = "", "", false
	return u
}

// GoldenSession is a session in which every field is set that its owner writes.
func GoldenSession(id string) store.Session {
	return store.Session{
		ID: id, Name: "name", OwnerID: "owner", Desired: "desired", State: "state", Reason: "reason", Since: goldenTime("since"),
		Phone: "phone", LID: "lid", PushName: "push", Settings: map[string]string{"setting": "value"},
		CreatedAt: goldenTime("created"), UpdatedAt: goldenTime("updated"),
	}
}

func goldenTime(name string) time.Time {
	return time.UnixMilli(1_700_000_000_000 + goldenNumber(name)).UTC()
}

func goldenNumber(name string) int64 { return int64(crc32.ChecksumIEEE([]byte(name))%100_000) + 1 }

func filled[T any]() (v T) {
	fill(reflect.ValueOf(&v).Elem(), "")
	return v
}

// fill sets a value and all within it by its name on disk.
func fill(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(name))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(goldenTime(name)))
			return
		}
		for i := range v.NumField() {
			if name := nameOnDisk(v.Type(), i); name != notOnDisk {
				fill(v.Field(i), name)
			}
		}
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(goldenNumber(name))
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(goldenNumber(name)))
	case reflect.Float64, reflect.Float32:
		v.SetFloat(float64(goldenNumber(name)))
	default:
		panic("a " + v.Kind().String() + " in a record that is kept: " + name)
	}
}

// notOnDisk is the name of what is never kept.
const notOnDisk = "-"

// nameOnDisk is the name of a field in its tag.
func nameOnDisk(t reflect.Type, i int) string {
	f := t.Field(i)
	for _, key := range []string{"bson", "json"} {
		if name, _, _ := strings.Cut(f.Tag.Get(key), ","); name != "" {
			return name
		}
	}
	panic("no tag says how field " + f.Name + " of " + t.String() + " is called on disk")
}

// CheckGolden checks that all of GoldenRecords and GoldenSession is in a store.
func CheckGolden(t testing.TB, s store.Store, session string) {
	t.Helper()
	ctx, u := t.Context(), GoldenRecords(session)
	got, err := s.Sessions().Get(ctx, session)
	require.NoError(t, err)
	want, st := GoldenSession(session), u.State
	want.State, want.Reason, want.Since, want.Phone, want.LID, want.PushName = *st.State, *st.Reason, *st.Since, *st.Phone, *st.LID, *st.PushName
	want.LastSeq = 1
	require.Equal(t, want, got)

	m := u.Messages[0]
	message, err := s.Messages().Get(ctx, session, m.MessageKey)
	require.NoError(t, err)
	m.Pos = message.Pos
	require.Equal(t, m, message)
	receipts, err := s.Messages().Receipts(ctx, session, u.Receipts[0].Key)
	require.NoError(t, err)
	require.Equal(t, u.Receipts, receipts)

	c := u.Contacts[0]
	contacts, err := s.Contacts().Find(ctx, session, []string{c.Phone, c.LID})
	require.NoError(t, err)
	person := store.Contact{
		SessionID: session, ID: c.ID, Phone: c.Phone, LID: c.LID, Name: c.Name, PushName: c.PushName, BusinessName: c.BusinessName, Also: c.Also,
	}
	require.Equal(t, map[string]store.Contact{c.Phone: person, c.LID: person}, contacts)

	ch := u.Chats[0]
	chat, err := s.Chats().Get(ctx, session, ch.ID)
	require.NoError(t, err)
	chat.LastMessage = nil
	require.Equal(t, store.Chat{
		SessionID: session, ID: ch.ID, Kind: ch.Kind, Name: ch.Name, Unread: ch.AddUnread, Archived: true, Pinned: true, MutedUntil: *ch.MutedUntil,
		Ephemeral: *ch.Ephemeral, EphemeralAt: *ch.EphemeralAt, ReadUpTo: ch.ReadUpTo, LastActivityAt: ch.ActivityAt, Also: ch.Also,
	}, chat)

	k := u.Keys[0]
	keys, err := s.Devices().Get(ctx, session, k.Table, []string{k.Key})
	require.NoError(t, err)
	require.Equal(t, map[string][]byte{k.Key: k.Value}, keys)
	task := u.Tasks[0].Task
	tasks, err := s.Tasks().List(ctx, session, task.Kind, 2)
	require.NoError(t, err)
	require.Equal(t, []store.Task{task}, tasks)
}

// GoldenFile is a file in which every field is set, of the user "owner" and the session "session".
func GoldenFile(id string) store.File {
	return store.File{
		ID: id, OwnerID: "owner", SessionID: "session", State: store.FileReady, Kind: "kind", Media: filled[store.Media](),
		Failure: ptr(filled[store.Failure]()), Handle: ptr(filled[store.UploadHandle]()),
		CreatedAt: goldenTime("created"), UpdatedAt: goldenTime("updated"), NeededAt: goldenTime("needed"),
	}
}
