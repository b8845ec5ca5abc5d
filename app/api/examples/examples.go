package examples

import (
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// moment is the time of what has none of its own in the table.
const moment = "2026-11-24T10:00:00.000Z"

// Fill puts examples into a finished document: into each property and parameter that the table has a value for,
// and into each request and answer that is JSON. What has an example already keeps it.
func Fill(doc *huma.OpenAPI) {
	c := composer{doc.Components.Schemas}
	for name, s := range c.all.Map() {
		for field, p := range s.Properties {
			if v, ok := valueOf(name, field); ok && len(p.Examples) == 0 && p.Ref == "" {
				p.Examples = []any{v}
			}
		}
	}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Head, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil {
				c.operation(op)
			}
		}
	}
}

func (c composer) operation(op *huma.Operation) {
	for _, p := range op.Parameters {
		if v, ok := parameters[p.Name]; ok && p.Example == nil {
			p.Example = v
		} else if v, ok := byPath[p.Name+" "+op.OperationID]; ok {
			p.Example = v
		}
	}
	if op.RequestBody != nil {
		c.content(op.OperationID, op.RequestBody.Content)
	}
	for status, r := range op.Responses {
		if strings.HasPrefix(status, "2") {
			c.content(op.OperationID, r.Content)
			if m := r.Content["application/json"]; m != nil && own[op.OperationID] != nil {
				maps.Copy(m.Example.(map[string]any), own[op.OperationID])
			}
		}
	}
}

func (c composer) content(operation string, content map[string]*huma.MediaType) {
	for kind, m := range content {
		switch text, ok := texts[operation+" "+kind]; {
		case m.Example != nil:
		case ok:
			m.Example = text
		case kind == "application/json":
			m.Example = c.value(m.Schema, "", "")
		}
	}
}

// composer makes whole values of schemas.
type composer struct{ all huma.Registry }

// valueOf is what the table says of a field.
func valueOf(schema, field string) (any, bool) {
	if v, ok := values[schema+"."+field]; ok {
		return v, true
	}
	if strings.HasSuffix(schema, "Event") && schema != "Event" {
		return valueOf("Event", field)
	}
	v, ok := values[field]
	return v, ok
}

// value is an example of a schema, which is that of a field of another one, or of none.
func (c composer) value(s *huma.Schema, owner, field string) any {
	if v, ok := valueOf(owner, field); ok && field != "" {
		return v
	}
	if s.Ref != "" {
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return c.whole(c.all.SchemaFromRef(s.Ref), name)
	}
	for _, choice := range [][]*huma.Schema{s.OneOf, s.AnyOf} {
		if len(choice) == 0 {
			continue
		}
		if null := func(o *huma.Schema) bool { return slices.Contains(o.Enum, nil) }; slices.ContainsFunc(choice, null) && !shown[owner+"."+field] {
			return nil
		}
		return c.value(choice[0], owner, "")
	}
	switch {
	case s.Const != nil:
		return s.Const
	case s.Nullable && !shown[owner+"."+field]:
		return nil
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		return c.whole(s, "")
	case huma.TypeArray:
		if field == "data" || shown[owner+"."+field] {
			return []any{c.value(s.Items, owner, "")}
		}
		return []any{}
	case huma.TypeBoolean:
		return false
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 0
	}
	if s.Format == "date-time" {
		return moment
	}
	return ""
}

// whole is an example of an object. What may be left out is, unless the table has a value for it.
func (c composer) whole(s *huma.Schema, name string) any {
	if len(s.OneOf) > 0 {
		for _, one := range s.OneOf {
			if shown[one.Ref[strings.LastIndex(one.Ref, "/")+1:]] {
				return c.value(one, "", "")
			}
		}
		return c.value(s.OneOf[0], "", "")
	}
	object := map[string]any{}
	for field, p := range s.Properties {
		_, known := valueOf(name, field)
		hidden := absent[name+"."+field]
		switch {
		case !slices.Contains(s.Required, field) && (hidden || !known):
		case hidden:
			object[field] = nil
		default:
			object[field] = c.value(p, name, field)
		}
	}
	return object
}
