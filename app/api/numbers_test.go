package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWholeNumbersAreReadHoweverTheyAreWritten(t *testing.T) {
	for text, want := range map[string]int64{"30": 30, "30.0": 30, "3e1": 30, "-2.50E+1": -25, "9007199254740992.0": 1 << 53, "9223372036854775807": 1<<63 - 1} {
		in := struct {
			N    int64
			Text string
			F    float64
		}{}
		require.NoError(t, unmarshal([]byte(`{"Text":"\" 1.0 \\","N":`+text+`,"F":1.5}`), &in), text)
		require.Equal(t, want, in.N, text)
		require.Equal(t, "\" 1.0 \\", in.Text)
		require.InDelta(t, 1.5, in.F, 0)
	}
	for _, text := range []string{"1.5", "1e-1", "9007199254740993.0e1", "1e400", `"1.0"`, "1.0x", ""} {
		var n int64
		require.Error(t, unmarshal([]byte(text), &n), text)
	}
}
