// Package look says what a file is: its real type by its bytes, and the facts that WhatsApp and
// clients want to know of it (width and height as shown, length, pages, tracks).
//
// It knows nothing of HTTP, WhatsApp or stores. Begin reading in look.go: [At] finds the format in
// the table of sniff.go, and the format's own file reads the facts. Files come from strangers, so all
// bytes are read through one source (source.go), which holds a small window of the file, counts what
// is read and stops at a limit or when the context ends. Nothing is decoded here: pictures are
// measured by their headers, sound and video by their containers.
package look
