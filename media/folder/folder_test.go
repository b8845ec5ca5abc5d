package folder

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"whatsapp-api/media"
	"whatsapp-api/media/mediatest"
)

func TestMain(m *testing.M) {
	mediatest.Child(func(address string) (media.Blobs, error) { return Open(address, "us") })
	goleak.VerifyTestMain(m)
}

// openAt opens a folder, and closes at the end of the test what is open then.
func openAt(t *testing.T, path string) *Folder {
	t.Helper()
	f, err := Open(path, "us")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestFolder(t *testing.T) {
	mediatest.Run(t, mediatest.Opener{
		Open: func(t *testing.T) (media.Blobs, string, func() media.Blobs) {
			path := filepath.Join(t.TempDir(), "media")
			f := openAt(t, path)
			return f, path, func() media.Blobs {
				require.NoError(t, f.Close())
				return openAt(t, path)
			}
		},
		Full: func(t *testing.T) media.Blobs {
			if _, err := os.Stat("/dev/full"); err != nil {
				t.Skip("no disk that is always full: ", err)
			}
			f := openAt(t, t.TempDir())
			// The file is on the disk, what is written to it is not.
			f.create = func(string, string) (*os.File, error) {
				name := filepath.Join(f.path, incoming, "full")
				if err := os.Symlink("/dev/full", name); err != nil {
					return nil, err
				}
				return os.OpenFile(name, os.O_WRONLY, 0)
			}
			return f
		},
	})
}

func TestOneServerAFolder(t *testing.T) {
	t.Parallel()
	f := openAt(t, t.TempDir())
	_, err := Open(f.path, "us")
	require.ErrorIs(t, err, media.ErrOwned)
	require.NoError(t, f.Close())
	_, err = Open(f.path, "them")
	require.ErrorIs(t, err, media.ErrOwned)
	openAt(t, f.path)
}

func TestOpenRemovesWhatWasBrokenOff(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	require.NoError(t, openAt(t, path).Close())
	left := filepath.Join(path, incoming, "left")
	require.NoError(t, os.WriteFile(left, []byte("half"), 0o600))
	openAt(t, path)
	require.NoFileExists(t, left)
}

// TestRemoveBesidePut puts a file that is removed at the same time: what was put after the time of the
// removal stays.
func TestRemoveBesidePut(t *testing.T) {
	t.Parallel()
	f := openAt(t, t.TempDir())
	put := func() media.Blob {
		blob, err := f.Put(t.Context(), bytes.NewReader([]byte("file")), 10)
		require.NoError(t, err)
		return blob
	}
	sum := put().Sum
	for range 100 {
		before := time.Now().UTC().Truncate(time.Millisecond)
		var removing sync.WaitGroup
		var err error
		removing.Go(func() { _, err = f.Remove(t.Context(), sum, before) })
		put()
		removing.Wait()
		require.NoError(t, err)
		_, err = f.Stat(t.Context(), sum)
		require.NoError(t, err)
	}
}
