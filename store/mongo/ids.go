package mongo

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Document ids are strings of parts, each ended by a zero byte, such that ids go in the
// order of their parts and all that belongs to a session (or a chat, or a table) is one
// range of them.

var escapes = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")

func escape(part string) string {
	if strings.ContainsAny(part, "\x00\x01") {
		return escapes.Replace(part)
	}
	return part
}

func join(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(escape(p))
		b.WriteByte(0)
	}
	return b.String()
}

// below matches the ids that begin with these parts and have more.
func below(parts ...string) bson.D {
	from := join(parts...)
	return bson.D{{Key: "$gt", Value: from}, {Key: "$lt", Value: from[:len(from)-1] + "\x01"}}
}

// text writes any bytes as a string whose order is that of the bytes.
func text(raw string) string {
	runes := make([]rune, len(raw))
	for i := range len(raw) {
		runes[i] = rune(raw[i])
	}
	return string(runes)
}
