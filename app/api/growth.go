package api

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// describeGrowth says of what the server sends that it may have further fields one day: a client that
// refuses them would break with the next release. What is asked for stays closed, so that a misspelled
// field is refused.
func describeGrowth(doc *huma.OpenAPI) {
	asked := map[string]bool{}
	for _, op := range operations(doc) {
		if op.RequestBody != nil {
			for _, m := range op.RequestBody.Content {
				reach(doc.Components.Schemas, m.Schema, asked)
			}
		}
	}
	for name, s := range doc.Components.Schemas.Map() {
		if !asked[name] {
			mayGrow(s)
		}
	}
	for _, op := range operations(doc) {
		for _, r := range op.Responses {
			for _, m := range r.Content {
				mayGrow(m.Schema)
			}
		}
	}
}

// reach notes the names of all schemas that one leads to.
func reach(all huma.Registry, s *huma.Schema, names map[string]bool) {
	if name, ok := strings.CutPrefix(s.Ref, SchemaPrefix); ok && !names[name] {
		names[name] = true
		reach(all, all.SchemaFromRef(s.Ref), names)
	}
	for _, part := range parts(s) {
		reach(all, part, names)
	}
}

// mayGrow lets an object, and those that are written inside it, have more fields.
func mayGrow(s *huma.Schema) {
	if s.AdditionalProperties == false {
		s.AdditionalProperties = nil
	}
	for _, part := range parts(s) {
		mayGrow(part)
	}
}

// parts are the schemas that are written inside another one.
func parts(s *huma.Schema) (inside []*huma.Schema) {
	for _, p := range s.Properties {
		inside = append(inside, p)
	}
	for _, choice := range [][]*huma.Schema{s.OneOf, s.AnyOf, s.AllOf} {
		inside = append(inside, choice...)
	}
	if s.Items != nil {
		inside = append(inside, s.Items)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		inside = append(inside, more)
	}
	return inside
}

// describePlainly takes out what only huma understands, now that it has read it, and says of what needs no
// token that it needs none.
func describePlainly(doc *huma.OpenAPI) {
	for _, s := range doc.Components.Schemas.Map() {
		plainSchema(s)
	}
	for _, op := range operations(doc) {
		for _, p := range op.Parameters {
			plainSchema(p.Schema)
		}
		if len(op.Security) == 0 {
			if op.Extensions == nil {
				op.Extensions = map[string]any{}
			}
			op.Extensions["security"] = []any{} // huma leaves an empty list out
		}
	}
}

func plainSchema(s *huma.Schema) {
	s.PatternDescription = "" // the validation has its message already
	for _, part := range parts(s) {
		plainSchema(part)
	}
}
