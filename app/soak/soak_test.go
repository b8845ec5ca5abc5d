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
	for _, store := range []string{sqlite, mongodb} {
		t.Run(store, func(t *testing.T) {
			if _, err := mongotest.Find(); store == mongodb && err != nil && os.Getenv("REQUIRE_ALL") != "1" {
				t.Skip(err)
			}
			o, err := parse([]string{"-store", store, "-for", "20s", "-seed", "1", "-rate", "25", "-sends", "4"})
			require.NoError(t, err)
			require.NoError(t, run(t.Context(), o, t.Output()))
		})
	}
}
