package sound_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"whatsapp-api/media/look"
	"whatsapp-api/media/sound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return b
}

func waveform(ctx context.Context, b []byte) ([]byte, error) {
	return sound.Waveform(ctx, bytes.NewReader(b), int64(len(b)))
}

// TestWaveform draws a note that is silent in its second half, and one that is even.
func TestWaveform(t *testing.T) {
	t.Parallel()
	got, err := waveform(t.Context(), load(t, "../look/testdata/voice.ogg"))
	require.NoError(t, err)
	require.Len(t, got, sound.Bars)
	for i, v := range got[2 : sound.Bars-2] {
		assert.Greater(t, v, byte(70), "bar %d of an even note", i+2)
	}
	got, err = waveform(t.Context(), load(t, "../look/testdata/half.ogg"))
	require.NoError(t, err)
	for i, v := range got[2:30] {
		assert.Greater(t, v, byte(70), "bar %d of the note", i+2)
	}
	for i, v := range got[36:] {
		assert.Less(t, v, byte(5), "bar %d of the silence", i+36)
	}
}

func TestWaveformOfOtherFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"vorbis.ogg", "vbr.mp3", "plain.mp4", "plain.jpg"} {
		_, err := waveform(t.Context(), load(t, "../look/testdata/"+name))
		require.ErrorIs(t, err, look.ErrUnsupported, name)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := waveform(ctx, load(t, "../look/testdata/voice.ogg"))
	require.ErrorIs(t, err, context.Canceled)
}

func TestWaveformOfDamagedFiles(t *testing.T) {
	t.Parallel()
	b, random := load(t, "../look/testdata/voice.ogg"), rand.New(rand.NewPCG(1, 2))
	for n := range 150 {
		c := bytes.Clone(b)
		if n%2 == 0 {
			c = c[:random.IntN(len(c))]
		}
		for range 1 + random.IntN(20) {
			if len(c) > 0 {
				c[random.IntN(len(c))] = byte(random.Uint32())
			}
		}
		got, err := waveform(t.Context(), c)
		if err != nil && !errors.Is(err, look.ErrDamaged) && !errors.Is(err, look.ErrUnsupported) {
			t.Fatalf("neither damaged nor unsupported: %v", err)
		}
		if err == nil {
			require.Len(t, got, sound.Bars)
		}
	}
}
