package whatsapp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// TestOwnerIsKnown finds a session's owner without the store, until it is said that the record has changed;
// what happens from then on is told with its name and owner.
func TestOwnerIsKnown(t *testing.T) {
	r := run(t, quick())
	s, _ := r.link("shop")
	find := func(want string) {
		t.Helper()
		found, owner, err := r.m.Find(t.Context(), "shop")
		require.NoError(t, err)
		require.Same(t, s, found)
		require.Equal(t, want, owner)
	}
	before, err := r.store.Sessions().Get(t.Context(), "shop")
	require.NoError(t, err)
	r.m.Changed()
	find(before.OwnerID)
	change := func(owner string) store.Session {
		now, err := r.store.Sessions().Update(t.Context(), "shop", func(s *store.Session) error {
			s.OwnerID, s.Name = owner, "Of "+owner
			return nil
		})
		require.NoError(t, err)
		return now
	}
	change("ann")
	find(before.OwnerID) // nobody has said so
	r.m.Changed()
	find("ann")
	change("eve")
	r.m.Changed()
	require.NoError(t, r.m.Reread(t.Context()))
	r.m.Changed(change("bob"))
	require.NoError(t, s.Stop(t.Context()))
	find("bob")
	told := events[whatsapp.StatusData](r, whatsapp.EventSessionStatus)
	require.Equal(t, "bob", told[len(told)-1].Session.OwnerID)
	require.Equal(t, "Of bob", told[len(told)-1].Session.Name)
	require.NoError(t, r.m.Delete(t.Context(), "shop"))
	_, _, err = r.m.Find(t.Context(), "shop")
	require.ErrorIs(t, err, store.ErrNotFound)
}
