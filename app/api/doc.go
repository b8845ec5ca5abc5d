// Package api is the kit of the server's HTTP side: kinds of endpoint, access, errors to status, pages of
// lists, the OpenAPI document, the idempotency header, middleware. It knows no noun, and alone uses echo.
//
// An endpoint is a row (method, path, summary) and a function that takes typed input; the
// row says who may call it, so no endpoint can forget its access check, and the OpenAPI
// document is made from the same types that bind and validate. What huma does not serve is a
// Route. Rooms are packages below this one that have the rows and shapes of some nouns, each noun a
// small struct with what it needs; no room imports another. All rows come together in app/routes.go: the table
// needs all rooms, which need this kit, and what each noun gets is made in app.
//
// Begin with endpoint.go, then account/users.go as an example; errors.go maps errors to answers.
package api
