package convert

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"time"

	"whatsapp-api/store"
)

// Limits of what is kept of one message beyond its text. WhatsApp's own clients stay far below.
const (
	maxContent   = 512 << 10 // bytes of all texts and data together
	maxItems     = 4096      // entries of all lists together
	maxThumbnail = 6126      // bytes; as data URL 8 KB
	maxWaveform  = 256       // bytes; clients send 64
)

// budget is what may still be kept of a message.
type budget struct{ bytes, items int }

// bounded is r with everything that its sender chose made fit to be kept: valid text, finite
// numbers, and no more than the limits.
func bounded(r Reading) Reading {
	r.Text = CleanText(r.Text)
	r.Media = boundMedia(r.Media)
	left := &budget{maxContent, maxItems}
	left.bound(reflect.ValueOf(r.Content).Elem())
	if r.Content.Empty() {
		r.Content = nil
	}
	if a := r.Act; a != nil {
		a.Emoji, a.Media = cleanEmoji(a.Emoji), boundMedia(a.Media)
		for _, v := range []any{a.Location, a.Option} {
			if v := reflect.ValueOf(v); !v.IsNil() {
				left.bound(v.Elem())
			}
		}
	}
	return r
}

func boundMedia(f *store.Media) *store.Media {
	if f == nil {
		return nil
	}
	out := *f
	out.MimeType, out.FileName = cleanLine(f.MimeType), cleanLine(f.FileName)
	out.Thumbnail = picture(f.Thumbnail)
	if len(f.SHA256) != 32 {
		out.SHA256 = nil
	}
	if len(f.Waveform) > maxWaveform {
		out.Waveform = nil
	}
	return &out
}

// bound makes a value and all that it holds fit, as far as the budget goes.
func (b *budget) bound(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			b.bound(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			b.bound(v.Field(i))
		}
	case reflect.Slice:
		b.list(v)
	case reflect.String:
		s := cut(CleanText(v.String()), b.bytes)
		b.bytes -= len(s)
		v.SetString(s)
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			v.SetFloat(0)
		}
	}
}

func (b *budget) list(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 { // a part of it would be worth nothing
		if b.bytes -= v.Len(); b.bytes < 0 {
			b.bytes += v.Len()
			v.SetZero()
		}
		return
	}
	if v.Len() > b.items {
		v.Set(v.Slice(0, b.items))
	}
	b.items -= v.Len()
	for i := range v.Len() {
		b.bound(v.Index(i))
	}
}

// cleanEmoji keeps a reaction short and in one line. One that was there stays one.
func cleanEmoji(s string) string {
	if s == "" {
		return ""
	}
	return firstOf(cut(visible(s), 64), "\ufffd")
}

// pictures are the beginnings of the kinds of picture that browsers show, with their types.
var pictures = []struct{ begins, mime string }{
	{"\xff\xd8\xff", "image/jpeg"}, {"\x89PNG\r\n\x1a\n", "image/png"}, {"RIFF", "image/webp"},
}

// pictureType is the type of a small picture, empty when it is none.
func pictureType(b []byte) string {
	for _, p := range pictures {
		if bytes.HasPrefix(b, []byte(p.begins)) && (p.mime != "image/webp" || len(b) > 12 && string(b[8:12]) == "WEBP") {
			return p.mime
		}
	}
	return ""
}

// picture is b when it is a small picture, else nil.
func picture(b []byte) []byte {
	if len(b) > maxThumbnail || pictureType(b) == "" {
		return nil
	}
	return b
}

// count is a number that a sender wrote as one of ours.
func count[N uint32 | uint64 | int32 | int64](n N) int {
	if n < 0 || uint64(n) > math.MaxInt32 {
		return 0
	}
	return int(n)
}

// size is a number of bytes that a sender wrote.
func size(n uint64) int64 {
	if n > 1<<62 {
		return 0
	}
	return int64(n)
}

// Millis reads a moment that a sender wrote, in seconds or milliseconds; 0 when it cannot be one.
func Millis[N int64 | uint64](n N) int64 {
	const seconds, end = 100_000_000_000, 253_402_300_800_000 // of the year 10000
	switch {
	case n <= 0 || uint64(n) >= end:
		return 0
	case n < seconds:
		return int64(n) * 1000
	}
	return int64(n)
}

// momentOf is a moment of a record; zero for 0.
func momentOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func firstOf(all ...string) string {
	for _, s := range all {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}
