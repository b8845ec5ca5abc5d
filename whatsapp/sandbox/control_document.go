package sandbox

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"
)

const controlAbout = `The phones of the sandbox, and what a person would do with them. For this machine alone, without a key.
Errors are application/problem+json (RFC 9457) with a stable ` + "`code`" + `. Chats are named by phone number, or by the address of a group.`

// controlDocument is the frame of the OpenAPI document; huma fills in the routes.
func controlDocument() huma.Config {
	cfg := huma.DefaultConfig("whatsapp-api sandbox", "1")
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.Info.Description = controlAbout
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	cfg.Formats = map[string]huma.Format{"application/json": format, "json": format}
	cfg.DefaultFormat = "application/json"
	cfg.Tags = []*huma.Tag{{Name: "phones"}, {Name: "groups"}, {Name: "faults"}, {Name: "server"}}
	return cfg
}

// unmarshal lets a body find out itself what is wrong with it.
func unmarshal(raw []byte, into any) error {
	if b, ok := into.(interface{ take(raw []byte) }); ok {
		b.take(raw)
		return nil
	}
	return json.Unmarshal(raw, into)
}

// noNulls says of lists that they are lists: what huma says of them by itself is one setting for the
// whole process.
func noNulls(doc *huma.OpenAPI) {
	for _, schema := range doc.Components.Schemas.Map() {
		for _, property := range schema.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false
			}
		}
	}
}

// onlyUsed drops the schemas that no route refers to: huma adds that of its own errors, which is one
// type for the whole process.
func onlyUsed(doc *huma.OpenAPI) error {
	schemas := doc.Components.Schemas.Map()
	for {
		raw, err := doc.MarshalJSON()
		if err != nil {
			return err
		}
		before := len(schemas)
		maps.DeleteFunc(schemas, func(name string, _ *huma.Schema) bool {
			return !bytes.Contains(raw, []byte(`"#/components/schemas/`+name+`"`))
		})
		if len(schemas) == before {
			return nil
		}
	}
}

// serveDocument serves what the routes look like, once all of them are there.
func (c *control) serveDocument() {
	noNulls(c.api.OpenAPI())
	err := onlyUsed(c.api.OpenAPI())
	var document []byte
	if err == nil {
		document, err = c.api.OpenAPI().MarshalJSON()
	}
	if err != nil {
		c.log.Error("document cannot be encoded", zap.Error(err))
		return
	}
	c.mux.HandleFunc("GET "+base+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document) // the caller may be gone
	})
}
