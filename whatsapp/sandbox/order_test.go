package sandbox

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/appstate"
)

// TestTheLastChangeIsKept has somebody change a group while another change of it is on its way to the
// disk: what is there afterwards is what the server shows.
func TestTheLastChangeIsKept(t *testing.T) {
	s, err := Open(Config{Root: rootKey(), DataDir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ann := newPhone(t, s, "12025550100", "Ann")
	made, err := s.NewGroup(within(t), NewGroup{Subject: "0", Owner: ann.Number(), Participants: []string{}})
	require.NoError(t, err)
	g, err := s.groupAt(made.ID)
	require.NoError(t, err)
	ctx := within(t)
	for round := range 50 {
		first := s.change()
		s.renameGroup(first, g, ann.account, fmt.Sprint("first ", round))
		second := make(chan error)
		go func() {
			_, err := s.RenameGroup(ctx, made.ID, ann.Number(), fmt.Sprint("second ", round))
			second <- err
		}()
		for range 100 {
			runtime.Gosched() // the other goes as far as it can
		}
		require.NoError(t, first.commit().wait(ctx))
		require.NoError(t, <-second)
		var kept groupRecord
		require.NoError(t, s.disk.each("group/"+g.id, func(_ string, value []byte) error { return json.Unmarshal(value, &kept) }))
		require.Equal(t, s.show(g).Subject, kept.Subject)
	}
}

// TestAppStateIsKeptInOrder has a phone and its companion write to a collection at once: no version
// is on disk before the one that it follows.
func TestAppStateIsKeptInOrder(t *testing.T) {
	s, err := Open(Config{Root: rootKey(), DataDir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	name := string(appstate.WAPatchRegularLow)
	ctx := within(t)
	for round := range 50 {
		first := s.change()
		ann.mu.Lock()
		err := ann.writeAppState(first, appstate.BuildPin(bob.account.lidJID(0), true), nil)
		ann.mu.Unlock()
		require.NoError(t, err)
		second := make(chan error)
		go func() { second <- ann.Pin(ctx, bob.Number(), false) }()
		for range 100 {
			runtime.Gosched()
		}
		versions := 0
		require.NoError(t, s.disk.each("patch/"+ann.account.pn+"/"+name+"/", func(string, []byte) error { versions++; return nil }))
		require.Equal(t, 2*round, versions, "the second is there before the first")
		require.NoError(t, first.commit().wait(ctx))
		require.NoError(t, <-second)
	}
}
