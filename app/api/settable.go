package api

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Settable is a field of a change that tells null from absent: absent leaves as is, null takes away.
type Settable[T any] struct {
	given bool
	value *T // nil: null
}

// UnmarshalJSON is called for a field that is there.
func (s *Settable[T]) UnmarshalJSON(raw []byte) error {
	s.given, s.value = true, nil
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	s.value = new(T)
	return json.Unmarshal(raw, s.value)
}

// Schema is that of a value that may be null.
func (Settable[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return s
}

// Change is nil where the field is absent, and points to nothing where it is null.
func (s Settable[T]) Change() *T {
	if s.given && s.value == nil {
		return new(T)
	}
	return s.value
}
