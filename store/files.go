package store

import (
	"context"
	"time"
)

// States of a file.
const (
	FilePending = "pending" // it is on its way
	FileReady   = "ready"   // its bytes are kept, under Media.SHA256
	FileFailed  = "failed"  // it could not be had; Failure says why
	FileExpired = "expired" // its bytes were kept, and are no longer
)

// File is a file that somebody has uploaded to be sent, or that came with a message. Its bytes are in a
// place of package media; the record says that they are needed. Texts in Media, Failure and Handle are
// valid UTF-8.
type File struct {
	ID        string
	OwnerID   string // User.ID of who uploaded it; empty: it is its session's, and so of whoever owns that
	SessionID string // empty: of no session
	State     string
	Kind      string // of a message with this file, such as "image"
	Media     Media  // MimeType is what the bytes are, FileName what it is called; SHA256 nil: nothing is kept
	Failure   *Failure
	Handle    *UploadHandle // of the upload to WhatsApp; nil: there was none
	CreatedAt time.Time
	UpdatedAt time.Time
	NeededAt  time.Time // when it was sent, fetched or read last
}

// UploadHandle is what WhatsApp has given for a file that was uploaded there, encrypted: with it the
// file is sent again without its bytes, for as long as WhatsApp keeps them. The names in the tags are
// for ever.
type UploadHandle struct {
	URL           string    `json:"url"`
	DirectPath    string    `json:"directPath"`
	MediaKey      []byte    `json:"mediaKey"`
	FileEncSHA256 []byte    `json:"fileEncSha256"`
	At            time.Time `json:"at"`
}

// FileQuery selects files. Empty fields select all.
type FileQuery struct {
	Owner   string
	Session string
	Kind    string
	Page    Page
}

// Files keeps the records of files. Every method is atomic and safe for concurrent use. A file goes
// with its owner and with its session.
type Files interface {
	// Create keeps f. ErrExists; ErrNotFound when its owner or its session is not there any more.
	Create(ctx context.Context, f File) error
	Get(ctx context.Context, id string) (File, error)
	List(ctx context.Context, q FileQuery) ([]File, string, error) // by id, the last first
	// Update: as Users.Update.
	Update(ctx context.Context, id string, change func(*File) error) (File, error)
	Delete(ctx context.Context, id string) error // ErrNotFound
	// DeleteBefore deletes the files of which nobody had need since before, and says how many.
	DeleteBefore(ctx context.Context, before time.Time) (int, error)
	// Needed says of each SHA-256 whether a record has it.
	Needed(ctx context.Context, sums [][]byte) ([]bool, error)
}
