package look_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"whatsapp-api/media/look"
)

// files are those of testdata, by name.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.*")
	require.NoError(t, err)
	out := map[string][]byte{}
	for _, name := range names {
		if filepath.Ext(name) == ".py" {
			continue
		}
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		out[filepath.Base(name)] = b
	}
	require.NotEmpty(t, out)
	return out
}

// judge looks at b and complains of anything but facts or an honest error.
func judge(t *testing.T, b []byte) (look.Facts, error) {
	t.Helper()
	f, err := look.At(t.Context(), bytes.NewReader(b), int64(len(b)))
	var large *look.TooLargeError
	if err != nil && !errors.Is(err, look.ErrDamaged) && !errors.As(err, &large) {
		t.Fatalf("neither damaged nor too large: %v", err)
	}
	if f.MIME == "" || f.Width < 0 || f.Height < 0 || f.Duration < 0 || f.Pages < 0 || f.Frames < 0 {
		t.Fatalf("no facts: %+v", f)
	}
	return f, err
}

func TestLookAtCutAndChangedFiles(t *testing.T) {
	t.Parallel()
	for name, b := range files(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			for n := range min(len(b), 300) {
				judge(t, b[:n])
			}
			for range 400 {
				judge(t, b[:random.IntN(len(b))])
				c := bytes.Clone(b)
				for range 1 + random.IntN(8) {
					c[random.IntN(min(len(c), 1+random.IntN(2000)))] = byte(random.Uint32())
				}
				judge(t, c)
			}
		})
	}
}

// TestCutFilesAreDamaged holds of the formats whose facts cannot be known without their end.
func TestCutFilesAreDamaged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"moving.gif", "moving.webp", "plain.mp4", "plain.m4a", "letter.docx", "three.pdf", "live.webm"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := files(t)[name]
			whole, err := judge(t, b)
			require.NoError(t, err)
			f, err := judge(t, b[:len(b)-len(b)/3])
			require.ErrorIs(t, err, look.ErrDamaged)
			if filepath.Ext(name) != ".docx" { // its kind is told by its end
				assert.Equal(t, whole.MIME[:5], f.MIME[:5])
			}
		})
	}
}

// TestLookIsCheap holds At to little memory and time, whatever a file claims.
func TestLookIsCheap(t *testing.T) {
	gif := bytes.NewBufferString("GIF89a\x10\x00\x10\x00\x00\x00\x00")
	for range 10_000 {
		gif.WriteString("\x21\xf9\x04\x00\x02\x00\x00\x00\x2c\x00\x00\x00\x00\x10\x00\x10\x00\x00\x02\x01\x00\x00")
	}
	gif.WriteByte(0x3b)
	huge := bytes.Clone(files(t)["plain.png"])
	binary.BigEndian.PutUint32(huge[16:], 30_000)
	binary.BigEndian.PutUint32(huge[20:], 30_000)
	boxes := bytes.Repeat([]byte("\x00\x00\x00\x08free"), 1<<20)
	nested := bytes.Repeat([]byte("\x00\x00\x00\x00moov"), 1<<16)
	var trun []byte
	trun = append(trun, "\x00\x00\x00\x38moof\x00\x00\x00\x30traf\x00\x00\x00\x14tfhd\x00\x00\x00\x08\x00\x00\x00\x01\xff\xff\xff\xff"...)
	trun = append(trun, "\x00\x00\x00\x14trun\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00"...)
	trun = append([]byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"), trun...)

	for name, b := range map[string][]byte{"GIF of 10,000 frames": gif.Bytes(), "PNG of 900 megapixels": huge, "a million boxes": boxes, "boxes in boxes": nested, "four billion samples": trun} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		f, err := judge(t, b)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20), name) // all that was ever taken, with what was given back
		assert.Less(t, time.Since(start), 5*time.Second, name)
		switch name {
		case "GIF of 10,000 frames":
			require.NoError(t, err)
			assert.Equal(t, 10_000, f.Frames)
		case "PNG of 900 megapixels":
			require.NoError(t, err)
			assert.Equal(t, 30_000, f.Width)
		default:
			require.Error(t, err, name)
		}
	}
}

func FuzzLook(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { judge(t, b) })
}
