package look_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"whatsapp-api/media/look"
)

const ms = time.Millisecond

// TestLookAtFiles has a row for each file of testdata, which make.py there makes.
func TestLookAtFiles(t *testing.T) {
	t.Parallel()
	const office = "application/vnd.openxmlformats-officedocument."
	picture := func(mime string) look.Facts { return look.Facts{MIME: mime, Width: 64, Height: 48} }
	turned := func(mime string) look.Facts { return look.Facts{MIME: mime, Width: 48, Height: 64, Orientation: 6} }
	one := func(f look.Facts) look.Facts { f.Frames = 1; return f }
	moving := func(mime string) look.Facts {
		return look.Facts{MIME: mime, Width: 64, Height: 48, Frames: 4, Animated: true, Duration: 320 * ms}
	}
	film := func(mime, video, audio string) look.Facts {
		return look.Facts{MIME: mime, Width: 64, Height: 48, Duration: 2 * time.Second, Video: video, Audio: audio, Channels: 1}
	}
	sound := func(mime, audio string) look.Facts {
		return look.Facts{MIME: mime, Duration: 2 * time.Second, Audio: audio, Channels: 1}
	}
	with := func(f look.Facts, change func(*look.Facts)) look.Facts { change(&f); return f }

	files := map[string]look.Facts{
		"plain.jpg": picture("image/jpeg"), "progressive.jpg": picture("image/jpeg"), "cmyk.jpg": picture("image/jpeg"), "turned.jpg": turned("image/jpeg"),
		"plain.png": one(picture("image/png")), "moving.png": with(moving("image/png"), func(f *look.Facts) { f.Duration = 0 }),
		"still.gif": one(picture("image/gif")), "moving.gif": moving("image/gif"),
		"lossless.webp": one(picture("image/webp")), "alpha.webp": one(picture("image/webp")), "turned.webp": one(turned("image/webp")), "moving.webp": moving("image/webp"),
		"plain.bmp": picture("image/bmp"),
		"plain.tif": with(picture("image/tiff"), func(f *look.Facts) { f.Pages = 1 }), "pages.tif": with(picture("image/tiff"), func(f *look.Facts) { f.Pages = 3 }),
		"plain.heic": one(picture("image/heic")), "exif.heic": one(picture("image/heic")) /* only its container may turn it */, "plain.avif": one(picture("image/avif")),

		"plain.mp4": film("video/mp4", "h264", "aac"), "fragmented.mp4": film("video/mp4", "h264", "aac"),
		"turned.mp4": with(film("video/mp4", "h264", "aac"), func(f *look.Facts) { f.Width, f.Height = f.Height, f.Width }),
		"plain.mov":  film("video/quicktime", "h264", "aac"), "plain.3gp": film("video/3gpp", "h264", "aac"),
		"plain.webm": film("video/webm", "vp8", "opus"), "live.webm": film("video/webm", "vp8", "opus"), "plain.mkv": film("video/x-matroska", "h264", "aac"),

		"sound.webm": sound("audio/webm", "opus"), "voice.ogg": sound("audio/ogg", "opus"), "half.ogg": sound("audio/ogg", "opus"), "vorbis.ogg": sound("audio/ogg", "vorbis"),
		"cbr.mp3": sound("audio/mpeg", "mp3"), "vbr.mp3": sound("audio/mpeg", "mp3"), "plain.aac": sound("audio/aac", "aac"),
		"plain.m4a": sound("audio/mp4", "aac"), "sound.mp4": sound("audio/mp4", "aac"),
		"plain.wav": with(sound("audio/wav", "pcm"), func(f *look.Facts) { f.Channels = 2 }), "plain.flac": sound("audio/flac", "flac"), "plain.amr": sound("audio/amr", "amr"),

		"three.pdf": {MIME: "application/pdf", Pages: 3}, "plain.zip": {MIME: "application/zip"},
		"letter.docx": {MIME: office + "wordprocessingml.document", Pages: 7}, "table.xlsx": {MIME: office + "spreadsheetml.sheet"},
		"talk.pptx": {MIME: office + "presentationml.presentation", Pages: 5},
	}
	names, err := filepath.Glob("testdata/*.*")
	require.NoError(t, err)
	for _, name := range names {
		base := filepath.Base(name)
		if base == "make.py" {
			continue
		}
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			want, known := files[base]
			require.True(t, known, "it has no row")
			got, err := look.AtPath(t.Context(), name)
			require.NoError(t, err)
			// Encoders of sound add up to two frames, and films end with their longer track.
			assert.InDelta(t, want.Duration, got.Duration, float64(130*ms))
			got.Duration = want.Duration
			assert.Equal(t, want, got)
		})
	}
}

func TestLookAtTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, mime string }{
		{"empty", "", "text/plain"},
		{"plain", "Grüße aus Wien", "text/plain"},
		{"vCard", "BEGIN:VCARD\r\nVERSION:2.1\r\nTEL;CELL;PREF:1\r\nEND:VCARD", "text/vcard"},
		{"vCard after a byte order mark", "\xef\xbb\xbfbegin:vcard\nEND:VCARD", "text/vcard"},
		{"HTML", "<!DOCTYPE html><html></html>", "text/html"},
		{"JSON", `{"a": [1, 2]}`, "application/json"},
		{"begins as a bitmap", "BMW is a maker of cars, and of nothing else that we know of", "text/plain"},
		{"a few bytes", "\x01\x02\x03\xfe", "application/octet-stream"},
		{"two bytes as of sound", "\xff\xfb\x90\x00 and no frame follows\x00\x00" + string(make([]byte, 600)), "application/octet-stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := look.At(t.Context(), bytes.NewReader([]byte(c.text)), int64(len(c.text)))
			require.NoError(t, err)
			assert.Equal(t, look.Facts{MIME: c.mime}, f)
		})
	}
}

func TestLookStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := look.AtPath(ctx, "testdata/plain.jpg")
	require.ErrorIs(t, err, context.Canceled)
	_, err = look.AtPath(t.Context(), "testdata/none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestPicturesAreTurnedByTheirContainer makes the boxes of a HEIC file whose picture lies on its side.
func TestPicturesAreTurnedByTheirContainer(t *testing.T) {
	t.Parallel()
	box := func(kind, content string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))) + kind + content
	}
	const none = "\x00\x00\x00\x00"
	size := box("ispe", none+"\x00\x00\x0f\xc0\x00\x00\x0b\xd0")
	for quarters, want := range [][2]int{{4032, 3024}, {3024, 4032}, {4032, 3024}, {3024, 4032}} {
		props := box("ipco", box("hvcC", "")+size+box("irot", string(rune(quarters))))
		of := box("ipma", none+"\x00\x00\x00\x01\x00\x09\x03\x81\x82\x83")
		file := box("ftyp", "mif1"+none+"mif1heic") + box("meta", none+box("pitm", none+"\x00\x09")+box("iprp", props+of))
		f, err := look.At(t.Context(), strings.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		assert.Equal(t, look.Facts{MIME: "image/heic", Width: want[0], Height: want[1], Frames: 1}, f)
	}
}
