package sqlite

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"whatsapp-api/store"
)

// The table words is an FTS5 index of tokens of our own making, so that SQLite's idea of
// a letter (Unicode 6.1) does not come into it: each word of store.Words is written in
// ASCII such that one word begins another exactly when their tokens do. A token begins with
// one for the chat, so that a search reads what that chat has and nothing else, however
// many other messages have the same words.

// token writes a word in [0-9a-z]: a to y and digits as they are, "z" as "zz", and
// any other rune as "z" and six hexadecimal digits.
func token(word string) string {
	var b strings.Builder
	for _, r := range word {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'y':
			b.WriteRune(r)
		case r == 'z':
			b.WriteString("zz")
		default:
			fmt.Fprintf(&b, "z%06x", r)
		}
	}
	return b.String()
}

// scope is how the tokens of a chat begin. Should two chats ever share it, the search is only
// slower: the messages' own columns are compared too.
func scope(session int64, chat string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", session, chat)
	return fmt.Sprintf("%016x", h.Sum64())[:scopeLength]
}

// scopeLength is in hexadecimal digits.
const scopeLength = 10

// wordTokens are what a message is found by: one for each word.
func wordTokens(session int64, chat, text string) string {
	in := scope(session, chat)
	var b strings.Builder
	for _, w := range store.Words(text) {
		b.WriteString(in + token(w) + " ")
	}
	return b.String()
}

// registerTokens lets a migration index what is there: INSERT … SELECT tokens(session, chat, text).
func registerTokens(db *sqlite3.Conn) error {
	return db.CreateFunction("tokens", 3, sqlite3.DETERMINISTIC, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
		ctx.ResultText(wordTokens(arg[0].Int64(), arg[1].Text(), arg[2].Text()))
	})
}

// indexText makes a message findable. What it was found by before must be gone.
func indexText(c *conn, num, session int64, chat, text string) error {
	words := wordTokens(session, chat, text)
	if words == "" {
		return nil
	}
	_, err := c.exec(`INSERT INTO words (rowid, word) VALUES (?, ?)`, num, words)
	return err
}

// unindexText forgets what a message was found by; it need not have been indexed.
func unindexText(c *conn, num int64) error {
	_, err := c.exec(`DELETE FROM words WHERE rowid = ?`, num)
	return err
}

// match is the FTS5 query for the messages of a chat with all these words.
func match(session int64, chat string, words []string) string {
	in := scope(session, chat)
	each := make([]string, len(words))
	for i, w := range words {
		each[i] = `"` + in + token(w) + `"*`
	}
	return strings.Join(each, " AND ")
}

// nameWords is the searchable form of a chat's name: every word after a space.
func nameWords(name string) string {
	words := store.Words(name)
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " ") + " "
}
