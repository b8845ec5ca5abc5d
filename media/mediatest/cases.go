package mediatest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/media"
)

// sizes are those at which parts and chunks end.
var sizes = []int{0, 1, 64<<10 - 1, 64<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5<<20 - 1, 5 << 20, 5<<20 + 1, 10 << 20, 11<<20 + 7}

func missing(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	sum := media.Sum{1}
	_, err := b.Stat(t.Context(), sum)
	require.ErrorIs(t, err, media.ErrNotFound)
	for _, length := range []int64{-1, 0, 5} {
		_, err = b.Open(t.Context(), sum, 0, length)
		require.ErrorIs(t, err, media.ErrNotFound)
	}
	gone, err := b.Remove(t.Context(), sum, time.Now())
	require.NoError(t, err)
	require.True(t, gone)
	nothingLeft(t, b)
}

func comesBack(t *testing.T, o Opener) {
	b, _, reopen := o.Open(t)
	var blobs []media.Blob
	for i, size := range sizes {
		withEach(content(uint64(i), size), func(r io.Reader) {
			blob, err := b.Put(t.Context(), r, int64(size)) // just as many as are allowed
			require.NoError(t, err)
			blobs = append(blobs, blob)
		})
	}
	b = reopen()
	for i, blob := range blobs {
		size := sizes[i/2]
		now, err := b.Stat(t.Context(), blob.Sum)
		require.NoError(t, err)
		require.Equal(t, blob.Sum, now.Sum)
		require.Equal(t, int64(size), now.Size)
		require.WithinDuration(t, blob.At, now.At, 30*time.Second)
		require.True(t, bytes.Equal(content(uint64(i/2), size), read(t, b, blob.Sum, 0, -1)), "%d bytes", size)
	}
	require.Len(t, kept(t, b), len(sizes))
}

func ranges(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	for _, size := range []int{0, 10, 6<<20 + 3} {
		file := content(7, size)
		sum := put(t, b, file).Sum
		for _, offset := range []int{0, 1, 9, 1<<20 - 1, 1 << 20, 5<<20 - 1, size - 1, size, size + 1, size + 1000} {
			for _, length := range []int{-1, 0, 1, 2, 1 << 20, size, size + 5} {
				offset := max(offset, 0)
				want := file[min(offset, size):]
				if length >= 0 {
					want = want[:min(length, len(want))]
				}
				got := read(t, b, sum, int64(offset), int64(length))
				require.True(t, bytes.Equal(want, got), "%d bytes from %d on of %d", length, offset, size)
			}
		}
	}
	seeker(t, b)
}

// seeker reads a file as a server of HTTP does.
func seeker(t *testing.T, b media.Blobs) {
	file := content(8, 3<<20)
	r := media.NewReader(t.Context(), b, put(t, b, file))
	end, err := r.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	require.Equal(t, int64(len(file)), end)
	for _, at := range []int64{0, 2<<20 + 1, 5} {
		_, err := r.Seek(at, io.SeekStart)
		require.NoError(t, err)
		got := make([]byte, 70<<10)
		_, err = io.ReadFull(r, got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(file[at:at+int64(len(got))], got))
	}
	_, err = r.Seek(-1, io.SeekStart)
	require.Error(t, err)
	require.NoError(t, r.Close())
}

// notKept are files that end before their end: nothing of them is there.
func notKept(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	own := errors.New("own")
	for i, size := range sizes[1:] {
		file := content(uint64(i), size)
		_, err := b.Put(t.Context(), bytes.NewReader(file), int64(size-1))
		require.ErrorIs(t, err, media.ErrTooLarge)
		for _, ends := range []error{own, io.ErrUnexpectedEOF} { // the second is that of a body that is cut off
			_, err = b.Put(t.Context(), failing{bytes.NewReader(file), ends}, most)
			require.ErrorIs(t, err, ends, "%d bytes", size)
			require.NotErrorIs(t, err, media.ErrUnavailable)
		}
		ctx, cancel := isCanceled(t.Context())
		_, err = b.Put(ctx, bytes.NewReader(file), most)
		require.Error(t, err)
		cancel()
	}
	nothingLeft(t, b)
}

func remove(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	later, sooner := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for i, size := range []int{0, 10, 6 << 20} {
		file := content(uint64(i), size)
		sum := put(t, b, file).Sum
		gone, err := b.Remove(t.Context(), sum, sooner)
		require.NoError(t, err)
		require.False(t, gone, "somebody has just put it")
		require.True(t, bytes.Equal(file, read(t, b, sum, 0, -1)))
		gone, err = b.Remove(t.Context(), sum, later)
		require.NoError(t, err)
		require.True(t, gone)
		_, err = b.Stat(t.Context(), sum)
		require.ErrorIs(t, err, media.ErrNotFound)
		put(t, b, file)
		require.True(t, bytes.Equal(file, read(t, b, sum, 0, -1)), "it may come again")
		_, err = b.Remove(t.Context(), sum, later)
		require.NoError(t, err)
	}
	nothingLeft(t, b)
}

func walk(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	var want []string
	for i := range 25 {
		want = append(want, put(t, b, content(uint64(i), 100+i)).Sum.String())
	}
	slices.Sort(want)
	require.Equal(t, want, kept(t, b))
	own, seen := errors.New("own"), 0
	require.ErrorIs(t, b.Walk(t.Context(), func(blob media.Blob) error {
		require.GreaterOrEqual(t, blob.Size, int64(100))
		if seen++; seen == 3 {
			return own
		}
		return nil
	}), own)
	require.Equal(t, 3, seen)
}

// sweepSpares sweeps while a file is on its way in.
func sweepSpares(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	file := content(1, 12<<20)
	half, rest := bytes.NewReader(file[:7<<20]), bytes.NewReader(file[7<<20:])
	swept := &onFirst{r: rest, do: func() {
		require.NoError(t, b.Sweep(t.Context(), time.Now().Add(-time.Hour)))
		require.Empty(t, kept(t, b), "it is there whole, or not at all")
	}}
	blob, err := b.Put(t.Context(), io.MultiReader(half, swept), most)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, read(t, b, blob.Sum, 0, -1)))
	require.NoError(t, b.Sweep(t.Context(), time.Now().Add(time.Hour)))
	require.True(t, bytes.Equal(file, read(t, b, blob.Sum, 0, -1)), "what is whole is never swept")
}

// onFirst calls do before it is read for the first time.
type onFirst struct {
	r    io.Reader
	once sync.Once
	do   func()
}

func (o *onFirst) Read(p []byte) (int, error) {
	o.once.Do(o.do)
	return o.r.Read(p)
}

func sameContent(t *testing.T, o Opener) {
	b, _, _ := o.Open(t)
	for _, size := range []int{0, 1000, 5<<20 + 11} {
		file := content(3, size)
		var all sync.WaitGroup
		blobs, errs := make([]media.Blob, 6), make([]error, 6)
		for i := range blobs {
			all.Go(func() { blobs[i], errs[i] = b.Put(t.Context(), bytes.NewReader(file), most) })
		}
		all.Wait()
		for i, blob := range blobs {
			require.NoError(t, errs[i])
			require.Equal(t, blobs[0].Sum, blob.Sum)
		}
		require.True(t, bytes.Equal(file, read(t, b, blobs[0].Sum, 0, -1)))
	}
	require.Len(t, kept(t, b), 3)
}
