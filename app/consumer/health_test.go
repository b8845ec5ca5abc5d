package consumer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackoff(t *testing.T) {
	for n := range 100 {
		wait := backoff(n+1, time.Second, time.Hour)
		most := time.Hour
		if n < 12 {
			most = min(time.Hour, time.Second<<n)
		}
		require.LessOrEqual(t, wait, most)
		require.GreaterOrEqual(t, wait, most/2)
	}
}
