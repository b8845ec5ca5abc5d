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

// User is an account of this server.
type User struct {
	ID          string        `json:"id"`
	Email       string        `json:"email" format:"email"`
	Name        string        `json:"name"`
	Role        string        `json:"role" enum:"admin,user"`
	Active      bool          `json:"active"`
	CreatedAt   convert.Time  `json:"createdAt"`
	UpdatedAt   convert.Time  `json:"updatedAt"`
	LastLoginAt *convert.Time `json:"lastLoginAt"`
}

func userShape(u store.User) User {
	return User{
		ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Active: u.Active,
		CreatedAt: convert.Time(u.CreatedAt), UpdatedAt: convert.Time(u.UpdatedAt), LastLoginAt: convert.TimeOrNil(u.LastLoginAt),
	}
}

// List is a page of a list.
type List[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"nextCursor" doc:"Pass it as cursor to get the next page; null at the end"`
}

// listOf makes a page of records.
func listOf[R, T any](records []R, next string, shape func(R) T) List[T] {
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

func (p Paging) page() store.Page { return store.Page{Cursor: p.Cursor, Limit: p.Limit} }

// body is an output with nothing but a body.
type body[T any] struct{ Body T }

func reply[T any](v T) *body[T] { return &body[T]{Body: v} }

// nothing is the output of a call that answers 204.
type nothing struct{}
