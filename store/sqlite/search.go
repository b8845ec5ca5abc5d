package sqlite

import (
	"fmt"
	"hash/fnv"
	"strings"

	"whatsapp-api/store"
)

// The table words is an FTS5 index of tokens of our own making, so that SQLite's idea of
// a letter (Unicode 6.1) does not come into it: each word of store.Words is written in
// ASCII such that one word begins another exactly when their tokens do. One more token
// names the chat, so that a search looks at the matches of that chat alone.

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

// scope is the token of a chat. No word's token begins with "zy". Should two chats ever
// share one, the search is only slower: the messages' own columns are compared too.
func scope(session int64, chat string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", session, chat)
	return fmt.Sprintf("zy%016x", h.Sum64())
}

// indexText makes a message findable. What it was found by before must be gone.
func indexText(c *conn, num, session int64, chat, text string) error {
	words := store.Words(text)
	if len(words) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString(scope(session, chat))
	for _, w := range words {
		b.WriteByte(' ')
		b.WriteString(token(w))
	}
	_, err := c.exec(`INSERT INTO words (rowid, word) VALUES (?, ?)`, num, b.String())
	return err
}

// unindexText forgets what a message was found by; it need not have been indexed.
func unindexText(c *conn, num int64) error {
	_, err := c.exec(`DELETE FROM words WHERE rowid = ?`, num)
	return err
}

// match is the FTS5 query for the messages of a chat with all these words.
func match(session int64, chat string, words []string) string {
	var b strings.Builder
	b.WriteString(scope(session, chat))
	for _, w := range words {
		fmt.Fprintf(&b, ` AND "%s"*`, token(w))
	}
	return b.String()
}

// nameWords is the searchable form of a chat's name: every word after a space.
func nameWords(name string) string {
	words := store.Words(name)
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " ") + " "
}

// phoneDigits returns the digits of a search that is written like a phone number.
func phoneDigits(search string) string {
	var b strings.Builder
	for _, r := range search {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune(" +-().", r):
		default:
			return ""
		}
	}
	return b.String()
}
