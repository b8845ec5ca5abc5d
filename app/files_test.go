package app

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
	"whatsapp-api/media"
	"whatsapp-api/media/s3/s3test"
	"whatsapp-api/store"
	"whatsapp-api/store/mongo"
	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/store/sqlite"
)

// filesAt opens the place for files that these settings say, puts one file, and gives back all its files.
func filesAt(t *testing.T, cfg configs.Config, opt Options, st store.Store, file string) (sums []string) {
	t.Helper()
	place, err := openFiles(t.Context(), cfg, opt, st)
	require.NoError(t, err)
	defer func() { require.NoError(t, place.Close()) }()
	_, err = place.Put(t.Context(), bytes.NewReader([]byte(file)), 100)
	require.NoError(t, err)
	require.NoError(t, place.Walk(t.Context(), func(b media.Blob) error {
		sums = append(sums, b.Sum.String())
		return nil
	}))
	return sums
}

func aStore(t *testing.T) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "store.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}

// TestFilesAreOfOneStore opens the same place for a server, for a sandbox and for a server with
// another store.
func TestFilesAreOfOneStore(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]func(t *testing.T) configs.Config{
		"DATA_DIR":  func(t *testing.T) configs.Config { return configs.Config{DataDir: t.TempDir()} },
		"MEDIA_DIR": func(t *testing.T) configs.Config { return configs.Config{MediaDir: t.TempDir()} },
		"S3_ENDPOINT": func(t *testing.T) configs.Config {
			return configs.Config{
				S3Endpoint: s3test.Start(t).URL(), S3Region: s3test.Region, S3Bucket: s3test.Bucket, S3AccessKey: s3test.AccessKey, S3SecretKey: s3test.SecretKey,
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, ours, theirs, box := settings(t), aStore(t), aStore(t), aStore(t)
			require.Len(t, filesAt(t, cfg, Options{}, ours, "one"), 1)
			require.Len(t, filesAt(t, cfg, Options{Sandbox: true}, box, "another"), 1, "a sandbox has its own")
			require.Len(t, filesAt(t, cfg, Options{}, ours, "two"), 2)
			_, err := openFiles(t.Context(), cfg, Options{}, theirs)
			require.ErrorIs(t, err, media.ErrOwned)
			require.ErrorContains(t, err, name)
		})
	}
}

func TestFilesAreInMongoDB(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	cfg := configs.Config{DataDir: filepath.Join(t.TempDir(), "none")}
	for i, file := range []string{"one", "two"} { // of two servers
		st, err := mongo.Open(t.Context(), mongo.Config{URI: uri})
		require.NoError(t, err)
		require.Len(t, filesAt(t, cfg, Options{}, st, file), i+1)
		require.NoError(t, st.Close())
	}
	require.NoDirExists(t, cfg.DataDir)
}
