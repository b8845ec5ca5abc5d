package mongo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"whatsapp-api/store"
)

// cleared is an error as the driver's pool gives it to who waits for a connection, when another call has
// found the server gone; its own type is not exported.
type cleared struct{}

func (cleared) Error() string { return "connection pool was cleared" }

func (cleared) Retryable() bool { return true }

// TestServerIsAway: whichever way the driver says it, it is the store that is away, which passes.
func TestServerIsAway(t *testing.T) {
	t.Parallel()
	for _, err := range []error{cleared{}, topology.ConnectionError{}, topology.ServerSelectionError{}} {
		require.ErrorIs(t, fault("commit", fmt.Errorf("insert: %w", err)), store.ErrUnavailable, "%T", err)
	}
	require.NotErrorIs(t, fault("commit", fmt.Errorf("insert: %w", errAlone)), store.ErrUnavailable)
}
