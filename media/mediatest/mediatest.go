package mediatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/media"
)

// Opener says how the suite gets at a place. What is opened is closed with t.Cleanup.
type Opener struct {
	// Open opens an empty place. The address is for Child, which opens it in a process of its own;
	// reopen closes the place and opens it again.
	Open func(t *testing.T) (blobs media.Blobs, address string, reopen func() media.Blobs)
	// Full opens an empty place without room for another byte.
	Full func(t *testing.T) media.Blobs
	// Away opens an empty place whose server goes away and comes back; nil: it has none, and what
	// the disk can do is all that Full shows.
	Away func(t *testing.T) (blobs media.Blobs, leave, come func())
}

// most is more than any file of the suite has.
const most = 200 << 20

var cases = []struct {
	name string
	run  func(*testing.T, Opener)
}{
	{"missing", missing},
	{"comes back as it was", comesBack},
	{"ranges", ranges},
	{"not kept", notKept},
	{"remove", remove},
	{"walk", walk},
	{"sweep spares what goes on", sweepSpares},
	{"same content at once", sameContent},
	{"killed", killed},
	{"full", full},
	{"away", away},
}

// Run tries every promise on the places that o opens.
func Run(t *testing.T, o Opener) {
	t.Run("large", func(t *testing.T) { large(t, o) }) // alone, since it looks at the memory of all
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, o)
		})
	}
}

// content is a file of so many bytes that differ by the seed.
func content(seed uint64, size int) []byte {
	all, err := io.ReadAll(contentReader(seed, int64(size)))
	if err != nil { // it is made in memory
		panic(err)
	}
	return all
}

func contentReader(seed uint64, size int64) io.Reader {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	return io.LimitReader(rand.NewChaCha8(key), size)
}

// put keeps a file that must be kept.
func put(t *testing.T, b media.Blobs, file []byte) media.Blob {
	t.Helper()
	before := time.Now().Add(-2 * time.Second) // S3 has whole seconds
	blob, err := b.Put(t.Context(), bytes.NewReader(file), most)
	require.NoError(t, err)
	require.Equal(t, media.Sum(sha256.Sum256(file)), blob.Sum)
	require.Equal(t, int64(len(file)), blob.Size)
	require.False(t, blob.At.Before(before))
	return blob
}

// read reads a part of a file that must be there.
func read(t *testing.T, b media.Blobs, sum media.Sum, offset, length int64) []byte {
	t.Helper()
	r, err := b.Open(t.Context(), sum, offset, length)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return got
}

// kept are the sums of all files, as Walk tells of them.
func kept(t *testing.T, b media.Blobs) (sums []string) {
	t.Helper()
	require.NoError(t, b.Walk(t.Context(), func(blob media.Blob) error {
		sums = append(sums, blob.Sum.String())
		return nil
	}))
	require.True(t, slices.IsSorted(sums))
	return sums
}

// nothingLeft says that not even the beginning of a file is there after a Sweep.
func nothingLeft(t *testing.T, b media.Blobs) {
	t.Helper()
	require.Empty(t, kept(t, b))
	require.NoError(t, b.Sweep(t.Context(), time.Now().Add(time.Hour)))
	require.Empty(t, kept(t, b))
}

// failing is a reader that gives so many bytes and fails then.
type failing struct {
	r   io.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF { //nolint:errorlint // of a reader in memory
		err = f.err
	}
	return n, err
}

// withEach calls fn with readers that are read at different paces.
func withEach(file []byte, fn func(io.Reader)) {
	fn(bytes.NewReader(file))
	fn(io.MultiReader(bytes.NewReader(file[:len(file)/2]), bytes.NewReader(file[len(file)/2:])))
}

func isCanceled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx, cancel
}
