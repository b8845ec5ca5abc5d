package sandbox

import (
	"bytes"
	"context"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

func (c *control) faultRoutes() {
	get(c, "/faults", "What will go wrong yet", c.getFaults)
	post(c, "/faults", "Let things go wrong", c.postFaults)
	remove(c, "/faults", "End all faults", c.deleteFaults)
}

// someFaults is one fault or a list of them.
type someFaults []Fault

// UnmarshalJSON takes both forms, in which every field must be known.
func (f *someFaults) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("[")) {
		return decode(raw, (*[]Fault)(f))
	}
	*f = make([]Fault, 1)
	return decode(raw, &(*f)[0])
}

// Schema is one of both forms.
func (*someFaults) Schema(r huma.Registry) *huma.Schema {
	one := r.Schema(reflect.TypeFor[Fault](), true, "")
	return &huma.Schema{OneOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one}}}
}

func (c *control) getFaults(context.Context, *struct{}) (*out[list[Fault]], error) {
	return reply(list[Fault]{Data: c.Faults()}), nil
}

func (c *control) postFaults(_ context.Context, in *with[someFaults]) (*none, error) {
	return done(c.AddFaults(in.Body.V...))
}

func (c *control) deleteFaults(context.Context, *struct{}) (*none, error) {
	c.ClearFaults()
	return done(nil)
}
