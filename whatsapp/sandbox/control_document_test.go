package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The document has every route, says what each takes and gives, and does not depend on what else
// runs in the process.
func TestControlDocument(t *testing.T) {
	_, url := controlServer(t)
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url+"/sandbox/openapi.json", nil)
	require.NoError(t, err)
	res := do(t, req)
	defer res.Body.Close()
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "application/openapi+json", res.Header.Get("Content-Type"))
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]struct {
			Summary     string
			OperationID string
			RequestBody *struct {
				Required bool
				Content  map[string]struct{ Schema map[string]any }
			}
			Responses map[string]any
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Type any }
				Required   []string
			}
		}
	}
	require.NoError(t, json.Unmarshal(raw, &doc))
	require.False(t, bytes.Contains(raw, []byte(`["array","null"]`)))
	for _, ref := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllSubmatch(raw, -1) {
		require.Contains(t, doc.Components.Schemas, string(ref[1]))
	}
	ids := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			name := method + " " + path
			require.NotEmpty(t, op.Summary, name)
			require.False(t, ids[op.OperationID], op.OperationID)
			ids[op.OperationID] = true
			require.Contains(t, op.Responses, "default", name)
			if bare := strings.HasSuffix(path, "/logout"); method == "post" && !bare {
				require.True(t, op.RequestBody.Required, name)
				require.NotEmpty(t, op.RequestBody.Content["application/json"].Schema, name)
			} else {
				require.Nil(t, op.RequestBody, name)
			}
			served := map[string]string{"get": "PATCH", "post": "PATCH", "delete": "PATCH"}[method]
			require.Equal(t, 405, call(t, served, url+strings.NewReplacer("{phone}", "12025550100", "{group}", "1", "{device}", "1").Replace(path), nil, nil), name)
		}
	}
	require.GreaterOrEqual(t, len(ids), 41)
	require.Equal(t, []string{"to", "id"}, doc.Components.Schemas["ReactIn"].Required)
	require.NotContains(t, doc.Components.Schemas, "ErrorModel")
	require.Contains(t, doc.Components.Schemas["Refused"].Properties, "code")
}
