package api

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// SchemaPrefix begins a reference to a schema of the document.
const SchemaPrefix = "#/components/schemas/"

// describeNulls tells the document what huma leaves out: a pointer that is always written can be
// null, also where it points to an object or a list, and a field of a request that may be absent
// may be null as well.
func describeNulls(doc *huma.OpenAPI) {
	all := doc.Components.Schemas
	for name, s := range all.Map() {
		of := all.TypeFromRef(SchemaPrefix + name)
		if of == nil { // put together from others
			continue
		}
		for _, f := range reflect.VisibleFields(of) {
			field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := s.Properties[field]
			if p == nil || f.Type.Kind() != reflect.Pointer || options != "" {
				continue
			}
			if p.Ref != "" {
				s.Properties[field] = &huma.Schema{AnyOf: []*huma.Schema{p, null()}, Description: p.Description}
			} else {
				p.Nullable = true
			}
		}
	}
	for _, op := range operations(doc) {
		if op.RequestBody != nil {
			for _, m := range op.RequestBody.Content {
				allowNulls(all, m.Schema)
			}
		}
	}
}

// allowNulls says of each optional field of a request that null is taken for nothing. The
// validation knows that already.
func allowNulls(all huma.Registry, s *huma.Schema) {
	if s.Ref != "" {
		s = all.SchemaFromRef(s.Ref)
	}
	for name, p := range s.Properties {
		if p.Ref != "" {
			in := *all.SchemaFromRef(p.Ref)
			in.Description = p.Description
			p = &in
			s.Properties[name] = p
		}
		allowNulls(all, p)
		switch {
		case slices.Contains(s.Required, name):
		case len(p.OneOf) > 0:
			p.OneOf = append(p.OneOf, null())
		case p.Type != "":
			p.Nullable = true
			if len(p.Enum) > 0 && !slices.Contains(p.Enum, nil) {
				p.Enum = append(p.Enum, nil)
			}
		}
	}
	if s.Items != nil {
		allowNulls(all, s.Items)
	}
}

// null is a schema that huma's validation understands too.
func null() *huma.Schema { return &huma.Schema{Enum: []any{nil}} }

// operations lists every operation of the document.
func operations(doc *huma.OpenAPI) []*huma.Operation {
	var list []*huma.Operation
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Head, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil {
				list = append(list, op)
			}
		}
	}
	return list
}
