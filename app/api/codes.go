package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/codes"
)

// codes are what an endpoint may answer with by who may call it, and what it adds itself.
func (e Endpoint) codes() []codes.Code {
	list := append([]codes.Code{codes.TooManyAttempts, codes.InternalError}, e.fails...)
	if !safe(e.Method) {
		list = append(list, codes.CrossOrigin)
	}
	if strings.Contains(e.Path, "{") {
		list = append(list, codes.NotFound, codes.BadRequest) // of a malformed escape
	}
	if e.Access != Public {
		list = append(list, codes.Unauthorized, codes.ScopeMissing, codes.AddressNotAllowed, codes.StoreUnavailable, codes.Stopping, codes.Unavailable)
	}
	switch e.Access {
	case AdminOnly:
		list = append(list, codes.Forbidden)
	case ForSession:
		list = append(list, codes.OwnedElsewhere, codes.SessionMoved)
	case Public, Account:
	}
	return list
}

// takenCodes are what may be wrong with what an operation takes.
func takenCodes(op *huma.Operation) (list []codes.Code) {
	if op.RequestBody != nil {
		list = append(list, codes.BadRequest, codes.RequestTimeout, codes.BodyTooLarge, codes.UnsupportedMediaType, codes.ValidationFailed)
	}
	for _, p := range op.Parameters {
		list = append(list, codes.ValidationFailed)
		if p.Name == "cursor" {
			list = append(list, codes.BadCursor)
		}
	}
	return list
}

// describeCodes gives an operation its errors: a response for each status that names its codes, and one schema
// for all of them, in which the code is one of these.
func describeCodes(doc *huma.OpenAPI, op *huma.Operation, list []codes.Code) {
	slices.Sort(list)
	list = slices.Compact(list)
	name := strings.ToUpper(op.OperationID[:1]) + op.OperationID[1:] + "Problem"
	only := &huma.Schema{Type: huma.TypeString}
	answers := map[string][]string{}
	for _, code := range list {
		only.Enum = append(only.Enum, code)
		row, _ := codes.Of(code)
		for _, status := range row.Status {
			answers[strconv.Itoa(status)] = append(answers[strconv.Itoa(status)], "`"+string(code)+"`")
		}
	}
	doc.Components.Schemas.Map()[name] = &huma.Schema{AllOf: []*huma.Schema{
		{Ref: SchemaPrefix + "Problem"},
		{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": only}},
	}}
	for status, names := range answers {
		r := op.Responses[status]
		if r == nil {
			r = &huma.Response{Content: map[string]*huma.MediaType{}}
			op.Responses[status] = r
		}
		code, _ := strconv.Atoi(status)
		r.Description = http.StatusText(code) + ": " + strings.Join(names, ", ")
		r.Content["application/problem+json"] = &huma.MediaType{Schema: &huma.Schema{Ref: SchemaPrefix + name}}
	}
}
