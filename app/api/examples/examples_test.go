package examples

import (
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
)

// TestValuesAreTaken: what the table has no value for is made of its type, what may be left out is, and what
// may be null is.
func TestValuesAreTaken(t *testing.T) {
	type inner struct {
		Phone string `json:"phone"`
	}
	type thing struct {
		SessionID string  `json:"sessionId"`
		Reason    *string `json:"reason"`
		Size      int     `json:"size" minimum:"3"`
		Kind      string  `json:"kind" enum:"a,b"`
		Inner     inner   `json:"inner"`
		Data      []inner `json:"data" nullable:"false"`
		More      string  `json:"more,omitempty"`
	}
	all := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	s := huma.SchemaFromType(all, reflect.TypeFor[thing]())
	got := composer{all}.whole(s, "Thing")
	require.Equal(t, map[string]any{
		"sessionId": "shop", "reason": "stopped_by_request", "size": 3.0, "kind": "a", "inner": map[string]any{"phone": number}, "data": []any{map[string]any{"phone": number}},
	}, got)
}
