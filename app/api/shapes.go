package api

import (
	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Name is what people call a thing.
type Name string

// Schema is for the document.
func (Name) Schema(huma.Registry) *huma.Schema {
	least, most := 1, 100
	return &huma.Schema{
		Type: huma.TypeString, MinLength: &least, MaxLength: &most, PatternDescription: "a name without control characters",
		Pattern: "^" + printable + "*[^\\x00-\\x20\\x7F-\\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]" + printable + "*$",
	}
}

const printable = `[^\x00-\x1F\x7F-\x9F]`

// List is a page of a list.
type List[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"nextCursor" doc:"Pass it as cursor to get the next page; null at the end"`
}

// ListOf makes a page of records.
func ListOf[R, T any](records []R, next string, shape func(R) T) List[T] {
	out := List[T]{Data: make([]T, 0, len(records)), NextCursor: convert.TextOrNil(next)}
	for _, r := range records {
		out.Data = append(out.Data, shape(r))
	}
	return out
}

// Paging is the part of an input that asks for a page. Inputs of lists embed it.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"1024" doc:"nextCursor of the page before"`
}

// Page is the page that is asked for.
func (p Paging) Page() store.Page { return store.Page{Cursor: p.Cursor, Limit: p.Limit} }

// Body is an output with nothing but a body.
type Body[T any] struct{ Body T }

// Reply is an output with this body.
func Reply[T any](v T) *Body[T] { return &Body[T]{Body: v} }

// Nothing is the output of a call that answers 204.
type Nothing struct{}
