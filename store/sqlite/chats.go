package sqlite

import (
	"context"
	"fmt"
	"strings"

	"whatsapp-api/store"
)

type chats struct{ s *Store }

const chatColumns = `id, kind, name, unread, archived, pinned, muted_until, activity`

func scanChat(r *row, session string) store.Chat {
	return store.Chat{
		SessionID: session, ID: r.text(), Kind: r.text(), Name: r.text(), Unread: r.int(),
		Archived: r.bool(), Pinned: r.bool(), MutedUntil: r.time(), LastActivityAt: r.time(),
	}
}

const lastMessage = `SELECT ` + messageColumns + ` FROM messages
	WHERE session = ? AND chat = ? ORDER BY timestamp DESC, pos DESC LIMIT 1`

// addLast fills in the newest message.
func addLast(c *conn, num int64, chat *store.Chat) error {
	return c.query(func(r *row) error {
		m, err := scanMessage(r, chat.SessionID)
		chat.LastMessage = &m
		return err
	}, lastMessage, num, chat.ID)
}

func (h chats) Get(ctx context.Context, session, id string) (chat store.Chat, err error) {
	err = h.s.r.read(ctx, "get chat", func(c *conn) error {
		num, found, err := findSession(c, session)
		if err != nil {
			return err
		}
		if found {
			found, err = c.one(func(r *row) { chat = scanChat(r, session) },
				`SELECT `+chatColumns+` FROM chats WHERE session = ? AND id = ?`, num, id)
		}
		if err == nil && !found {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return addLast(c, num, &chat)
	})
	return chat, err
}

func (h chats) List(ctx context.Context, q store.ChatQuery) (list []store.Chat, next string, err error) {
	if q.Page.Cursor != "" {
		if _, err := decodeTimeKey(q.Page.Cursor); err != nil {
			return nil, "", fmt.Errorf("list chats: %w", err)
		}
	}
	err = h.s.r.read(ctx, "list chats", func(c *conn) error {
		num, found, err := findSession(c, q.Session)
		if err != nil || !found {
			return err
		}
		sql, args := listChats(num, q)
		err = c.query(func(r *row) error {
			list = append(list, scanChat(r, q.Session))
			return nil
		}, sql, args...)
		if err != nil {
			return err
		}
		list, next = cut(list, q.Page, func(chat store.Chat) any {
			at := chat.LastActivityAt.UnixMilli()
			return timeKey{At: &at, ID: []byte(chat.ID)}
		})
		for i := range list {
			if err := addLast(c, num, &list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return list, next, err
}

// listChats makes the query; the cursor was checked.
func listChats(num int64, q store.ChatQuery) (sql string, args []any) {
	var b strings.Builder
	b.WriteString(`SELECT ` + chatColumns + ` FROM chats WHERE session = ?`)
	args = append(args, num)
	if q.Page.Cursor != "" {
		// The first condition bounds the index; the second leaves out the rest of that time.
		key, _ := decodeTimeKey(q.Page.Cursor)
		b.WriteString(` AND activity <= ? AND (activity < ? OR id > ?)`)
		args = append(args, *key.At, *key.At, string(key.ID))
	}
	if q.Archived != nil {
		b.WriteString(` AND archived = ?`)
		args = append(args, *q.Archived)
	}
	if q.Unread != nil {
		b.WriteString(` AND (unread > 0) = ?`)
		args = append(args, *q.Unread)
	}
	if words := store.Words(q.Search); len(words) > 0 {
		b.WriteString(` AND ((1`)
		for _, w := range words {
			b.WriteString(` AND instr(words, ?)`)
			args = append(args, " "+w)
		}
		b.WriteString(`)`)
		if digits := phoneDigits(q.Search); digits != "" {
			b.WriteString(` OR substr(id, 1, ?) = ?`)
			args = append(args, len(digits), digits)
		}
		b.WriteString(`)`)
	}
	b.WriteString(` ORDER BY activity DESC, id LIMIT ?`)
	return b.String(), append(args, onePast(q.Page))
}

const putChat = `INSERT INTO chats (session, id, kind, name, words, unread, archived, pinned, muted_until, activity)
	VALUES (?1,?2,?3,?4,?5,max(?6,0),ifnull(?8,0),ifnull(?9,0),ifnull(?10,?11),?12)
	ON CONFLICT (session, id) DO UPDATE SET
	kind = CASE ?3 WHEN '' THEN kind ELSE ?3 END,
	name = CASE ?4 WHEN '' THEN name ELSE ?4 END,
	words = CASE ?4 WHEN '' THEN words ELSE ?5 END,
	unread = max(0, CASE ?7 WHEN 1 THEN 0 ELSE unread END + ?6),
	archived = ifnull(?8, archived), pinned = ifnull(?9, pinned), muted_until = ifnull(?10, muted_until),
	activity = max(activity, ?12)`

func putChats(c *conn, num int64, updates []store.ChatUpdate) error {
	for _, u := range updates {
		var archived, pinned, muted any
		if u.Archived != nil {
			archived = *u.Archived
		}
		if u.Pinned != nil {
			pinned = *u.Pinned
		}
		if u.MutedUntil != nil {
			muted = *u.MutedUntil
		}
		_, err := c.exec(putChat, num, u.ID, u.Kind, u.Name, nameWords(u.Name), u.AddUnread, u.ClearRead,
			archived, pinned, muted, never, u.ActivityAt)
		if err != nil {
			return err
		}
	}
	return nil
}
