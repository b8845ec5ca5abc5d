package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store/mongo/mongotest"
)

// TestSoak is the short form of `task soak`: every kind of fault once at least, on each store.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute or two for each store")
	}
	for _, store := range databases {
		t.Run(store, func(t *testing.T) {
			if _, err := mongotest.Find(); store != sqlite && err != nil && os.Getenv("REQUIRE_ALL") != "1" {
				t.Skip(err)
			}
			o, err := parse([]string{"-store", store, "-for", "20s", "-seed", "1", "-rate", "25", "-sends", "4"})
			require.NoError(t, err)
			require.NoError(t, run(t.Context(), o, t.Output()))
		})
	}
}

// TestReconnect is the short form of `task soak -- -mode reconnect`.
func TestReconnect(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	o, err := parse([]string{"-mode", "reconnect", "-sessions", "8", "-for", "0s"})
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), o, t.Output()))
}

func TestParse(t *testing.T) {
	o, err := parse(nil)
	require.NoError(t, err)
	require.Equal(t, databases, o.stores)
	require.NotZero(t, o.seed)
	o, err = parse([]string{"-mode", "reconnect"})
	require.NoError(t, err)
	require.Equal(t, []string{sqlite}, o.stores)
	require.Equal(t, 500, o.sessions)
	for _, args := range [][]string{{"-store", "oracle"}, {"-mode", "sleep"}, {"-phones", "-1"}, {"-rate", "0"}, {"-nonsense"}} {
		_, err := parse(args)
		require.Error(t, err, "%v", args)
	}
}
