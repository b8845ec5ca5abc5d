package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/deepteams/webp"
	"github.com/deepteams/webp/animation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"whatsapp-api/media/look"
	"whatsapp-api/media/picture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../look/testdata", name))
	require.NoError(t, err)
	return b
}

func factsOf(t testing.TB, b []byte) look.Facts {
	t.Helper()
	f, err := look.At(t.Context(), bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	return f
}

// work calls one of a table's methods that write.
func work(t testing.TB, do func(context.Context, *bytes.Reader, *bytes.Buffer) error, b []byte) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	err := do(t.Context(), bytes.NewReader(b), &out)
	return out.Bytes(), err
}

func photo(t testing.TB, b []byte) ([]byte, error) {
	return work(t, func(ctx context.Context, r *bytes.Reader, w *bytes.Buffer) error {
		return picture.New(1).Photo(ctx, r, r.Size(), w)
	}, b)
}

func sticker(t testing.TB, b []byte) ([]byte, error) {
	return work(t, func(ctx context.Context, r *bytes.Reader, w *bytes.Buffer) error {
		return picture.New(1).Sticker(ctx, r, r.Size(), w)
	}, b)
}

// near says whether a pixel has about that colour: testdata is small, and its JPEGs blur colours.
func near(t *testing.T, img image.Image, x, y int, want color.NRGBA, name string) {
	t.Helper()
	got := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
	for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B), int(got.A) - int(want.A)} {
		if d < -28 || d > 28 {
			t.Errorf("%s: the pixel %d, %d is %v, not %v", name, x, y, got, want)
			return
		}
	}
}

var (
	blue = color.NRGBA{40, 90, 200, 255} // the ground of the pictures of testdata
	red  = color.NRGBA{240, 60, 20, 255} // their spot, on the left
)

var stills = []string{"plain.jpg", "progressive.jpg", "cmyk.jpg", "turned.jpg", "plain.png", "plain.bmp", "plain.tif", "pages.tif", "still.gif", "moving.gif", "moving.png", "lossless.webp", "alpha.webp", "turned.webp", "moving.webp"}

func TestThumbnails(t *testing.T) {
	t.Parallel()
	for _, name := range stills {
		b := load(t, name)
		out, err := picture.New(1).Thumbnail(t.Context(), bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err, name)
		img, err := jpeg.Decode(bytes.NewReader(out))
		require.NoError(t, err, name)
		want := factsOf(t, b)
		assert.Equal(t, image.Pt(want.Width, want.Height), img.Bounds().Size(), name)
		checkSpot(t, img, want, name)
	}
}

// checkSpot knows where the colours of testdata's picture are once it is upright.
func checkSpot(t *testing.T, img image.Image, f look.Facts, name string) {
	t.Helper()
	if f.Orientation == 6 { // what was left is now at the top
		near(t, img, 26, 16, red, name)
		near(t, img, 26, 55, blue, name)
		return
	}
	near(t, img, 16, 22, red, name)
	near(t, img, 55, 22, blue, name)
}

func TestPhotos(t *testing.T) {
	t.Parallel()
	for _, name := range stills {
		b := load(t, name)
		out, err := photo(t, b)
		require.NoError(t, err, name)
		want, got := factsOf(t, b), factsOf(t, out)
		assert.Equal(t, look.Facts{MIME: "image/jpeg", Width: want.Width, Height: want.Height}, got, name)
		img, err := jpeg.Decode(bytes.NewReader(out))
		require.NoError(t, err, name)
		checkSpot(t, img, want, name)
		if name == "plain.jpg" || name == "progressive.jpg" || name == "cmyk.jpg" {
			assert.Equal(t, b, out, "%s tells nothing and goes through as it is", name)
		}
	}
}

// TestColoursOfWebPAreWhole holds of stills and of frames: lossy WebP has the range of video.
func TestColoursOfWebPAreWhole(t *testing.T) {
	t.Parallel()
	square := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range square.Pix {
		square.Pix[i] = [4]byte{255, 0, 0, 255}[i%4]
	}
	var still, moving bytes.Buffer
	require.NoError(t, webp.Encode(&still, square, webp.DefaultOptions()))
	frames := animation.NewEncoder(&moving, 64, 64, nil)
	require.NoError(t, frames.AddFrame(square, 50*time.Millisecond))
	square.Pix[0] = 0
	require.NoError(t, frames.AddFrame(square, 50*time.Millisecond))
	require.NoError(t, frames.Close())
	for name, b := range map[string][]byte{"still": still.Bytes(), "moving": moving.Bytes()} {
		for what, work := range map[string]func(testing.TB, []byte) ([]byte, error){"photo": photo, "sticker": sticker} {
			out, err := work(t, b)
			require.NoError(t, err)
			if what == "sticker" {
				out, err = photo(t, out) // of which the stills are tried too
				require.NoError(t, err)
			}
			img, err := jpeg.Decode(bytes.NewReader(out))
			require.NoError(t, err)
			got := color.NRGBAModel.Convert(img.At(40, 40)).(color.NRGBA)
			assert.Greater(t, got.R, uint8(248), "%s of %s: %v", what, name, got)
			assert.Less(t, got.G, uint8(8), "%s of %s: %v", what, name, got)
		}
	}
}

// TestPhotosTellNothing adds all that cameras and programs write to a JPEG.
func TestPhotosTellNothing(t *testing.T) {
	t.Parallel()
	plain := load(t, "plain.jpg")
	segment := func(marker byte, content string) string {
		return string([]byte{0xff, marker}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(content)+2))) + content
	}
	profile := segment(0xe2, "ICC_PROFILE\x00\x01\x01 colours")
	secret := segment(0xe1, "Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00 secret") + segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00 secret") +
		segment(0xe2, "MPF\x00 secret") + segment(0xed, "Photoshop 3.0\x00 secret") + segment(0xfe, "secret")
	out, err := photo(t, []byte(string(plain[:2])+secret+profile+string(plain[2:])+"\xff\xd8\xff\xe1 another picture: secret"))
	require.NoError(t, err)
	assert.Equal(t, string(plain[:2])+profile+string(plain[2:]), string(out))

	out, err = photo(t, load(t, "turned.jpg"))
	require.NoError(t, err)
	assert.NotContains(t, string(out), "Exif")
	assert.NotContains(t, string(out), "Maker")
}

func TestStickers(t *testing.T) {
	t.Parallel()
	for _, name := range stills {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := load(t, name)
			out, err := sticker(t, b)
			require.NoError(t, err)
			want, got := factsOf(t, b), factsOf(t, out)
			assert.Equal(t, "image/webp", got.MIME)
			assert.Equal(t, [2]int{512, 512}, [2]int{got.Width, got.Height})
			if strings.HasPrefix(name, "moving.") && name != "moving.png" {
				assert.Equal(t, want.Frames, got.Frames)
				assert.Equal(t, want.Duration, got.Duration)
				assert.LessOrEqual(t, len(out), picture.MaxMovingSticker)
			} else {
				assert.False(t, got.Animated)
				assert.LessOrEqual(t, len(out), picture.MaxStill)
			}
			img := first(t, out)
			near(t, img, 2, 2, color.NRGBA{}, "the border is transparent")
			if want.Orientation == 0 {
				near(t, img, 128, 240, red, name)
				near(t, img, 460, 240, blue, name)
			}
			again, err := sticker(t, out)
			require.NoError(t, err)
			assert.Equal(t, out, again, "a sticker goes through as it is")
		})
	}
}

// first is the first frame of a WebP.
func first(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := webp.Decode(bytes.NewReader(b))
	require.NoError(t, err)
	return img
}

func TestStickersAreMadeSmallEnough(t *testing.T) {
	t.Parallel()
	noise := image.NewNRGBA(image.Rect(0, 0, 512, 512))
	random := rand.New(rand.NewPCG(3, 4))
	for i := range noise.Pix {
		noise.Pix[i] = byte(random.Uint32())
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, noise))
	out, err := sticker(t, b.Bytes())
	var large *look.TooLargeError
	if errors.As(err, &large) { // noise in transparency too is the worst there is
		assert.Equal(t, int64(picture.MaxStill), large.Limit)
		return
	}
	require.NoError(t, err)
	assert.LessOrEqual(t, len(out), picture.MaxStill)
}

func TestHostilePictures(t *testing.T) {
	blank := image.NewGray(image.Rect(0, 0, 12_000, 9_000))
	var wide bytes.Buffer
	require.NoError(t, png.Encode(&wide, blank))
	frame := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.White, color.Black})
	many := &gif.GIF{}
	for range 10_000 {
		many.Image, many.Delay = append(many.Image, frame), append(many.Delay, 5)
	}
	var long bytes.Buffer
	require.NoError(t, gif.EncodeAll(&long, many))
	for name, c := range map[string]struct {
		file []byte
		what string
	}{"12,000×9,000 pixels": {wide.Bytes(), "pixels"}, "10,000 frames": {long.Bytes(), "frames"}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := sticker(t, c.file)
		runtime.ReadMemStats(&after)
		var large *look.TooLargeError
		require.ErrorAs(t, err, &large, name)
		assert.Equal(t, c.what, large.What)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), name)
	}
	_, err := photo(t, load(t, "plain.mp4"))
	require.ErrorIs(t, err, look.ErrUnsupported)
}

func TestDamagedPictures(t *testing.T) {
	t.Parallel()
	for _, name := range stills {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, random := load(t, name), rand.New(rand.NewPCG(5, 6))
			for n := range 60 {
				c := bytes.Clone(b)
				if n%2 == 0 {
					c = c[:random.IntN(len(c))]
				}
				for range 1 + random.IntN(6) {
					if len(c) > 0 {
						c[random.IntN(len(c))] = byte(random.Uint32())
					}
				}
				for _, err := range []error{second(photo(t, c)), second(picture.New(1).Thumbnail(t.Context(), bytes.NewReader(c), int64(len(c))))} {
					var large *look.TooLargeError
					if err != nil && !errors.Is(err, look.ErrDamaged) && !errors.Is(err, look.ErrUnsupported) && !errors.As(err, &large) {
						t.Fatalf("neither damaged nor unsupported nor too large: %v", err)
					}
				}
			}
		})
	}
}

func second(_ []byte, err error) error { return err }

func TestAFullTableIsWaitedFor(t *testing.T) {
	t.Parallel()
	table, b := picture.New(1), load(t, "plain.jpg")
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	err := table.Photo(t.Context(), bytes.NewReader(b), int64(len(b)), writer(func(p []byte) (int, error) {
		stop() // while the only seat is taken
		_, err := table.Thumbnail(ctx, bytes.NewReader(b), int64(len(b)))
		assert.ErrorIs(t, err, context.Canceled)
		return len(p), nil
	}))
	require.NoError(t, err)
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func BenchmarkThumbnailOf12Megapixels(b *testing.B) {
	img := image.NewYCbCr(image.Rect(0, 0, 4032, 3024), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(7, 8))
	for i := range img.Y {
		img.Y[i] = byte(i/4032/13) + byte(random.Uint32()%24)
	}
	var file bytes.Buffer
	require.NoError(b, jpeg.Encode(&file, img, nil))
	table := picture.New(1)
	b.ReportAllocs()
	for b.Loop() {
		_, err := table.Thumbnail(b.Context(), bytes.NewReader(file.Bytes()), int64(file.Len()))
		require.NoError(b, err)
	}
}

func BenchmarkStickerOf30Frames(b *testing.B) {
	moving := &gif.GIF{}
	random := rand.New(rand.NewPCG(9, 10))
	for n := range 30 {
		p := image.NewPaletted(image.Rect(0, 0, 512, 512), palette())
		for i := range p.Pix {
			x, y := i%512, i/512
			p.Pix[i] = byte((x+8*n)/4^y/4) + byte(random.Uint32()%4)
		}
		moving.Image, moving.Delay = append(moving.Image, p), append(moving.Delay, 5)
	}
	var file bytes.Buffer
	require.NoError(b, gif.EncodeAll(&file, moving))
	for b.Loop() {
		out, err := sticker(b, file.Bytes())
		require.NoError(b, err)
		b.ReportMetric(float64(len(out)), "bytes")
	}
}

// palette is one of 256 greys.
func palette() color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		p[i] = color.Gray{Y: byte(i)}
	}
	return p
}
