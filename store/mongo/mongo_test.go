package mongo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"whatsapp-api/media/mediatest"
	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/store/storetest"
)

func TestMain(m *testing.M) {
	mediatest.Child(openBlobs)
	goleak.VerifyTestMain(mongotest.Main(m))
}

// openAt opens a store on a database and closes it at the end of the test.
func openAt(t testing.TB, uri string) *Store {
	t.Helper()
	return openPaced(t, uri, pace{projectAfter, durableEvery, leaseLasts})
}

// openIdle is openAt for a store that does nothing in the background.
func openIdle(t testing.TB, uri string) *Store {
	t.Helper()
	return openPaced(t, uri, pace{time.Hour, time.Hour, time.Hour})
}

func openPaced(t testing.TB, uri string, p pace) *Store {
	t.Helper()
	s, err := open(t.Context(), Config{URI: uri, Timeout: time.Minute}, p) // a loaded machine writes 20 MB slowly
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func opener(address func(testing.TB) string) storetest.Opener {
	return func(t *testing.T) (store.Store, func() store.Store) {
		uri := address(t)
		open := openAt(t, uri)
		return open, func() store.Store {
			require.NoError(t, open.Close())
			open = openAt(t, uri)
			return open
		}
	}
}

func TestStoreOnLoneServer(t *testing.T) {
	t.Parallel()
	storetest.Run(t, opener(mongotest.Lone))
}

func TestStoreOnReplicaSet(t *testing.T) {
	t.Parallel()
	storetest.Run(t, opener(mongotest.ReplicaSet))
}
