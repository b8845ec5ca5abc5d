package chat

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/store"
	"whatsapp-api/store/sqlite"
	"whatsapp-api/whatsapp"
)

// TestRepeatedCallKeepsItsMessageID walks through the outcomes of a call's tries and looks
// which message id the next one gets.
func TestRepeatedCallKeepsItsMessageID(t *testing.T) {
	for _, test := range []struct {
		name  string
		tries []error
		want  string // id at the try after them
	}{
		{"failed for certain", []error{whatsapp.ErrOffline}, "id-2"},
		{"not acknowledged", []error{whatsapp.ErrUnconfirmed}, "id-1"},
		{"store away", []error{store.ErrUnavailable}, "id-1"},
		{"not acknowledged, then offline", []error{whatsapp.ErrUnconfirmed, whatsapp.ErrOffline}, "id-1"},
		{"store away, then refused", []error{store.ErrUnavailable, whatsapp.ErrRefused, whatsapp.ErrOffline}, "id-1"},
		{"failed for certain, then not acknowledged, then offline", []error{whatsapp.ErrOffline, whatsapp.ErrUnconfirmed, whatsapp.ErrOffline}, "id-2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "store.db")})
			require.NoError(t, err)
			defer func() { require.NoError(t, st.Close()) }()
			calls := NewIdempotency(st.Idempotency(), zap.NewNop())
			tries := 0
			try := func(result error) (used string) {
				tries++
				_, err := calls.Do(t.Context(), "key", []byte("body"), "id-"+string(rune('0'+tries)), func(id string) (Answer, error) {
					used = id
					return Answer{Status: 201}, result
				})
				require.ErrorIs(t, err, result)
				return used
			}
			for _, result := range test.tries {
				try(result)
			}
			require.Equal(t, test.want, try(nil))
		})
	}
}
