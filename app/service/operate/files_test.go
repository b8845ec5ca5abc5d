package operate

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"whatsapp-api/media"
	"whatsapp-api/media/folder"
	"whatsapp-api/store"
	"whatsapp-api/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a place with records, on a disk.
type shelf struct {
	*testing.T
	*Files
	path string
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	dir := t.TempDir()
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "store.db")})
	require.NoError(t, err)
	place, err := folder.Open(filepath.Join(dir, "media"), "us")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, place.Close())
		require.NoError(t, st.Close())
	})
	return &shelf{t, &Files{Records: st.Files(), Place: place}, filepath.Join(dir, "media")}
}

// put keeps a file as if it had been put so long ago.
func (s *shelf) put(text string, ago time.Duration) media.Sum {
	s.Helper()
	blob, err := s.Place.Put(s.Context(), bytes.NewReader([]byte(text)), 100)
	require.NoError(s, err)
	hex, at := blob.Sum.String(), time.Now().Add(-ago)
	require.NoError(s, os.Chtimes(filepath.Join(s.path, hex[:2], hex[2:4], hex), at, at))
	return blob.Sum
}

// record says that a file is needed.
func (s *shelf) record(id string, sum media.Sum, needed time.Duration) {
	s.Helper()
	require.NoError(s, s.Records.Create(s.Context(), store.File{ID: id, State: store.FileReady, Media: store.Media{SHA256: sum[:]}, NeededAt: time.Now().Add(-needed)}))
}

func (s *shelf) clean() {
	s.Helper()
	s.walked = time.Time{}
	require.NoError(s, s.Clean(s.Context()))
}

func (s *shelf) has(sum media.Sum) bool {
	s.Helper()
	_, err := s.Place.Stat(s.Context(), sum)
	if err != nil {
		require.ErrorIs(s, err, media.ErrNotFound)
	}
	return err == nil
}

func TestFilesGoWithTheirLastRecord(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	orphan, young, shared := s.put("orphan", 2*time.Hour), s.put("young", time.Minute), s.put("shared", 48*time.Hour)
	s.record("a", shared, 0)
	s.record("b", shared, 0)
	s.clean()
	require.False(t, s.has(orphan), "a kill came before its record")
	require.True(t, s.has(young), "its record may be on the way")
	require.True(t, s.has(shared))
	for _, id := range []string{"a", "b"} {
		require.NoError(t, s.Records.Delete(t.Context(), id))
		require.True(t, s.has(shared))
		if s.clean(); id == "a" {
			require.True(t, s.has(shared), "another record needs it")
		}
	}
	require.False(t, s.has(shared))
}

func TestFilesNobodyNeeds(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	old, used := s.put("old", 90*time.Hour), s.put("used", 90*time.Hour)
	s.record("old", old, 50*time.Hour)
	s.record("used", used, time.Hour)
	s.clean()
	require.True(t, s.has(old), "they are kept for ever")
	s.Retention = 48 * time.Hour
	s.clean()
	require.False(t, s.has(old))
	require.True(t, s.has(used))
	_, err := s.Records.Get(t.Context(), "old")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// late are records of which one is made just after it was asked for.
type late struct {
	store.Files
	after func()
}

func (l late) Needed(ctx context.Context, sums [][]byte) ([]bool, error) {
	needed, err := l.Files.Needed(ctx, sums)
	l.after()
	return needed, err
}

func TestFileThatIsPutAnewMeanwhile(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	sum := s.put("again", 48*time.Hour)
	s.Records = late{s.Records, func() {
		s.put("again", 0)
		s.record("again", sum, 0)
	}}
	s.clean()
	require.True(t, s.has(sum))
}

func TestFilesAreManyAtATime(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	var all []media.Sum
	for i := range lookAtOnce + 3 {
		sum := s.put(string(rune('0'+i)), 48*time.Hour)
		if i%50 == 0 {
			s.record(sum.String(), sum, 0)
		}
		all = append(all, sum)
	}
	s.clean()
	for i, sum := range all {
		require.Equal(t, i%50 == 0, s.has(sum))
	}
}
