package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

func TestTwoUpdatesOfAChatMakeOne(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	early, late := time.UnixMilli(1), time.UnixMilli(2)
	for name, c := range map[string]struct{ first, next, both store.ChatUpdate }{
		"counts add up, the later time and name stay": {
			store.ChatUpdate{ID: "c", Kind: store.ChatPerson, Name: "Ann", ActivityAt: late, AddUnread: 2},
			store.ChatUpdate{ID: "c", Kind: store.ChatPerson, ActivityAt: early, AddUnread: 1},
			store.ChatUpdate{ID: "c", Kind: store.ChatPerson, Name: "Ann", ActivityAt: late, AddUnread: 3},
		},
		"what was read before counts no more": {
			store.ChatUpdate{ID: "c", AddUnread: 2, Archived: &yes, Pinned: &yes, MutedUntil: &early},
			store.ChatUpdate{ID: "c", ClearRead: true, AddUnread: 1, Name: "Bob", Archived: &no, MutedUntil: &late},
			store.ChatUpdate{ID: "c", ClearRead: true, AddUnread: 1, Name: "Bob", Archived: &no, Pinned: &yes, MutedUntil: &late},
		},
		"a message after reading": {
			store.ChatUpdate{ID: "c", ClearRead: true},
			store.ChatUpdate{ID: "c", AddUnread: 1, Pinned: &no},
			store.ChatUpdate{ID: "c", ClearRead: true, AddUnread: 1, Pinned: &no},
		},
	} {
		both, ok := c.first.Then(c.next)
		require.True(t, ok, name)
		require.Equal(t, c.both, both, name)
	}
	_, ok := store.ChatUpdate{ID: "c"}.Then(store.ChatUpdate{ID: "d"})
	require.False(t, ok)
	_, ok = store.ChatUpdate{ID: "c", AddUnread: 1}.Then(store.ChatUpdate{ID: "c", AddUnread: -2})
	require.False(t, ok, "the count never falls below zero, so the order matters")
}
