package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// IdempotencyKey is the part of an input that makes a send happen once. Inputs of sends embed it.
type IdempotencyKey struct {
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"Any text of yours. The same key with the same body within 24 hours gives the first answer again"`
}

// Once is an answer that is given once for a key: what it was the first time, if the call is repeated.
type Once struct {
	Status   int
	Replayed string `header:"Idempotency-Replayed" doc:"true: the first answer to this key"`
	Body     json.RawMessage
}

// AnswersOnce describes the answer of a send, a T, whose body is kept as it was first given.
func AnswersOnce[T any]() Option {
	return Described(func(op *huma.Operation, schemas huma.Registry) {
		answer := func(about string) *huma.Response {
			return &huma.Response{
				Description: about,
				Headers:     map[string]*huma.Param{"Idempotency-Replayed": {Description: "true: the first answer to this key", Schema: &huma.Schema{Type: "string"}}},
				Content:     map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(reflect.TypeFor[T](), true, "")}},
			}
		}
		op.Responses = map[string]*huma.Response{
			"201": answer("The stored message"),
			"202": answer("The message as it is queued: the session is offline, and the request said that it may wait"),
		}
	})
}
