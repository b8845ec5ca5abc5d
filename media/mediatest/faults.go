package mediatest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/media"
)

// childAddress is the place into which a child of killed puts files until it is killed.
const childAddress = "MEDIATEST_CHILD"

// Child ends this process if it is a child of the suite, after it was given what to do.
func Child(open func(address string) (media.Blobs, error)) {
	address := os.Getenv(childAddress)
	if address == "" {
		return
	}
	b, err := open(address)
	for seed := uint64(0); err == nil; seed++ {
		var blob media.Blob
		if blob, err = b.Put(context.Background(), contentReader(seed, int64(seed%4)*2_000_000+int64(seed)), most); err == nil {
			fmt.Println(blob.Sum)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// killed kills a process that puts files, again and again: what it said to be kept is there, and
// whatever is there is whole.
func killed(t *testing.T, o Opener) {
	b, address, reopen := o.Open(t)
	require.NoError(t, b.Close())
	acked := map[string]bool{}
	for round := range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		child.Env, child.Stderr = append(os.Environ(), childAddress+"="+address), os.Stderr
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 5+round*4 && lines.Scan(); n++ {
			acked[strings.TrimSpace(lines.Text())] = true
		}
		require.NoError(t, lines.Err())
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
	}
	b = reopen()
	require.NotEmpty(t, acked)
	require.NoError(t, b.Sweep(t.Context(), time.Now().Add(time.Hour)))
	for _, name := range kept(t, b) {
		sum, err := media.ParseSum(name)
		require.NoError(t, err)
		require.Equal(t, sum, media.Sum(sha256.Sum256(read(t, b, sum, 0, -1))))
		delete(acked, name)
		gone, err := b.Remove(t.Context(), sum, time.Now().Add(time.Hour))
		require.NoError(t, err)
		require.True(t, gone)
	}
	require.Empty(t, acked, "lost")
	nothingLeft(t, b)
}

// Large files are read and written with little memory.
const (
	largeSize = 100 << 20
	heapMost  = 24 << 20
)

func large(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	heap := &heapWatch{}
	runtime.GC()
	before := heap.now()
	blob, err := b.Put(t.Context(), io.TeeReader(contentReader(1, largeSize), heap), most)
	require.NoError(t, err)
	require.Equal(t, int64(largeSize), blob.Size)
	r, err := b.Open(t.Context(), blob.Sum, 0, -1)
	require.NoError(t, err)
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(hash, heap), r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, int64(largeSize), n)
	require.Equal(t, blob.Sum, media.Sum(hash.Sum(nil)))
	require.Less(t, heap.peak-before, int64(heapMost))
}

// heapWatch is written to as a file goes by, and looks now and then how much memory is in use.
type heapWatch struct{ since, peak int64 }

func (h *heapWatch) Write(p []byte) (int, error) {
	if h.since += int64(len(p)); h.since > 12<<20 {
		h.since = 0
		runtime.GC()
		h.peak = max(h.peak, h.now())
	}
	return len(p), nil
}

func (h *heapWatch) now() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func full(t *testing.T, o Opener) {
	b := o.Full(t)
	for _, size := range []int{1, 2 << 20, 6 << 20} {
		_, err := b.Put(t.Context(), bytes.NewReader(content(1, size)), most)
		require.ErrorIs(t, err, media.ErrUnavailable)
	}
	require.Empty(t, kept(t, b))
}

// away has the server go away before and in the midst of everything.
func away(t *testing.T, o Opener) {
	if o.Away == nil {
		t.Skip("this place has no server")
	}
	b, leave, come := o.Away(t)
	file := content(1, 12<<20)
	sum := put(t, b, file).Sum
	reading, err := b.Open(t.Context(), sum, 0, -1)
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, reading, 1)
	require.NoError(t, err)
	other := content(2, 12<<20)
	_, err = b.Put(t.Context(), io.MultiReader(bytes.NewReader(other[:6<<20]), &onFirst{r: bytes.NewReader(other[6<<20:]), do: leave}), most)
	require.ErrorIs(t, err, media.ErrUnavailable)
	_, err = io.Copy(io.Discard, reading)
	require.Error(t, err, "a file that is cut off does not look like a whole one")
	require.NoError(t, reading.Close())
	_, err = b.Stat(t.Context(), sum)
	require.ErrorIs(t, err, media.ErrUnavailable)
	_, err = b.Open(t.Context(), sum, 0, -1)
	require.ErrorIs(t, err, media.ErrUnavailable)
	_, err = b.Remove(t.Context(), sum, time.Now())
	require.ErrorIs(t, err, media.ErrUnavailable)
	require.ErrorIs(t, b.Walk(t.Context(), func(media.Blob) error { return errors.New("it is away") }), media.ErrUnavailable)
	require.ErrorIs(t, b.Sweep(t.Context(), time.Now()), media.ErrUnavailable)
	_, err = b.Put(t.Context(), bytes.NewReader(file[:10]), most)
	require.ErrorIs(t, err, media.ErrUnavailable)
	come()
	require.True(t, bytes.Equal(file, read(t, b, sum, 0, -1)))
	put(t, b, other)
	require.Len(t, kept(t, b), 2)
}
