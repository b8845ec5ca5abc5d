package sound

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/thesyncim/gopus"

	"whatsapp-api/media/look"
)

const (
	// Bars is how many values a waveform has.
	Bars = 64
	// MaxVoice is the largest voice message in bytes of which a waveform is drawn: an hour at 32 kbit/s.
	MaxVoice = 16 << 20
	// rate is that at which it is decoded: loudness needs no high notes, and Opus decodes low ones faster.
	rate = 8000
)

// Waveform draws the voice message r of size bytes, which is Ogg Opus: 64 values from 0 to 100, the mean loudness of as many
// equal parts, beside that of the loudest. Silence is all zeros.
//
// It wraps [look.ErrUnsupported] for other sound and [look.ErrDamaged], or is a [look.TooLargeError]; else the error
// is of r or ctx.
func Waveform(ctx context.Context, r io.ReaderAt, size int64) ([]byte, error) {
	f, err := look.At(ctx, r, size)
	if err != nil {
		return nil, err
	}
	if f.MIME != "audio/ogg" || f.Audio != "opus" {
		return nil, fmt.Errorf("%w: a waveform of %s %s", look.ErrUnsupported, f.MIME, f.Audio)
	}
	if size > MaxVoice {
		return nil, &look.TooLargeError{What: "bytes", Is: size, Limit: MaxVoice}
	}
	if f.Duration <= 0 {
		return make([]byte, Bars), nil
	}
	b := bars{total: max(1, int64(f.Duration*rate/time.Second))}
	if err := decodeOpus(ctx, io.NewSectionReader(r, 0, size), b.add); err != nil {
		return nil, err
	}
	return b.values(), nil
}

// decodeOpus decodes Ogg Opus to one channel at rate, piece by piece.
func decodeOpus(ctx context.Context, r io.Reader, piece func([]float32)) (err error) {
	defer func() { // the decoder was not made for what strangers send
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", look.ErrDamaged, p)
		}
	}()
	config := gopus.DefaultDecoderConfig(rate, 1)
	decoder, err := gopus.NewDecoder(config)
	if err != nil {
		return fmt.Errorf("make a decoder: %w", err)
	}
	in, pcm := packets{r: bufio.NewReader(r)}, make([]float32, config.MaxPacketSamples)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		packet, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n < 2 || len(packet) == 0 { // the two heads (RFC 7845), and packets that say nothing
			continue
		}
		got, err := decoder.Decode(packet, pcm)
		if err != nil {
			return fmt.Errorf("%w: decode a packet: %w", look.ErrDamaged, err)
		}
		piece(pcm[:got])
	}
}

// bars are the sums of a waveform in the making.
type bars struct {
	total  int64 // samples there will be
	at     int64
	sums   [Bars]float64
	counts [Bars]int64
}

func (b *bars) add(pcm []float32) {
	for _, s := range pcm {
		bar := min(b.at*Bars/b.total, Bars-1)
		b.sums[bar] += math.Abs(float64(s))
		b.counts[bar]++
		b.at++
	}
}

// values are the bars from 0 to 100.
func (b *bars) values() []byte {
	loudest := 0.0
	for i, n := range b.counts {
		if n > 0 {
			b.sums[i] /= float64(n)
		}
		loudest = max(loudest, b.sums[i])
	}
	out := make([]byte, Bars)
	if loudest < 1e-4 || math.IsNaN(loudest) || math.IsInf(loudest, 0) { // less than three steps of 16 bits: silence
		return out
	}
	for i, v := range b.sums {
		out[i] = byte(math.Round(100 * v / loudest))
	}
	return out
}
