// Package api is the server's HTTP side: the route table, inputs and outputs, errors to
// status, access checks, and streams. It alone uses echo and huma.
//
// An endpoint is a row (method, path, summary) and a function that takes typed input; the
// row says who may call it, so no endpoint can forget its access check, and the OpenAPI
// document is made from the same types that bind and validate. Begin with endpoint.go,
// then sessions.go as an example; errors.go maps errors to answers.
package api
