package sqlite

import (
	"context"
	"fmt"
	"strings"

	"whatsapp-api/store"
)

type chats struct{ s *Store }

const chatColumns = `id, kind, name, unread, archived, pinned, muted_until, activity, ephemeral, ephemeral_at, read_up_to, also`

func scanChat(r *row, session string) (store.Chat, error) {
	c := store.Chat{
		SessionID: session, ID: r.text(), Kind: r.text(), Name: r.text(), Unread: r.int(), Archived: r.bool(), Pinned: r.bool(),
		MutedUntil: r.time(), LastActivityAt: r.time(), Ephemeral: r.int(), EphemeralAt: r.time(), ReadUpTo: r.time(),
	}
	return c, decode(r.blob(), &c.Also)
}

const lastMessage = `SELECT ` + messageColumns + ` FROM messages
	WHERE session = ? AND chat = ? ORDER BY timestamp DESC, pos DESC LIMIT 1`

// addLast fills in the newest message.
func addLast(c *conn, num int64, chat *store.Chat) error {
	for _, key := range chat.Keys() {
		err := c.query(func(r *row) error {
			m, err := scanMessage(r, chat.SessionID)
			if chat.LastMessage == nil || newer(&m, chat.LastMessage) {
				chat.LastMessage = &m
			}
			return err
		}, lastMessage, num, key)
		if err != nil {
			return err
		}
	}
	return nil
}

func (h chats) Get(ctx context.Context, session, id string) (chat store.Chat, err error) {
	err = h.s.r.read(ctx, "get chat", func(c *conn) error {
		num, found, err := findSession(c, session)
		if err != nil {
			return err
		}
		if found {
			found = false
			err = c.query(func(r *row) (err error) {
				found = true
				chat, err = scanChat(r, session)
				return err
			}, `SELECT `+chatColumns+` FROM chats WHERE session = ? AND id = ?`, num, id)
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
		if _, err := store.DecodeTimeKey(q.Page.Cursor); err != nil {
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
			chat, err := scanChat(r, q.Session)
			list = append(list, chat)
			return err
		}, sql, args...)
		if err != nil {
			return err
		}
		list, next = store.Cut(list, q.Page, func(chat store.Chat) any {
			at := chat.LastActivityAt.UnixMilli()
			return store.TimeKey{At: &at, ID: []byte(chat.ID)}
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
	b.WriteString(`SELECT ` + chatColumns + ` FROM chats WHERE session = ? AND shown_as = ''`)
	args = append(args, num)
	if q.Page.Cursor != "" {
		// The first condition bounds the index; the second leaves out the rest of that time.
		key, _ := store.DecodeTimeKey(q.Page.Cursor)
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
		if digits := store.PhoneDigits(q.Search); digits != "" {
			b.WriteString(` OR substr(phone, 1, ?) = ? OR substr(id, 1, ?) = ? AND kind <> 'person'`)
			args = append(args, len(digits), digits, len(digits), digits)
		}
		b.WriteString(`)`)
	}
	b.WriteString(` ORDER BY activity DESC, id LIMIT ?`)
	return b.String(), append(args, store.OnePast(q.Page))
}

const putChat = `INSERT INTO chats (session, id, kind, name, words, unread, archived, pinned, muted_until, activity,
	ephemeral, ephemeral_at, read_up_to, phone, shown_as, also)
	VALUES (?1,?2,?3,?4,?5,max(?6,0),ifnull(?8,0),ifnull(?9,0),ifnull(?10,?11),?12,ifnull(?13,0),ifnull(?14,?11),?15,ifnull(?16,''),?17,?18)
	ON CONFLICT (session, id) DO UPDATE SET
	kind = CASE ?3 WHEN '' THEN kind ELSE ?3 END,
	name = CASE ?4 WHEN '' THEN name ELSE ?4 END,
	words = CASE ?4 WHEN '' THEN words ELSE ?5 END,
	unread = max(0, CASE ?7 WHEN 1 THEN 0 ELSE unread END + ?6),
	archived = ifnull(?8, archived), pinned = ifnull(?9, pinned), muted_until = ifnull(?10, muted_until),
	activity = max(activity, ?12), ephemeral = ifnull(?13, ephemeral), ephemeral_at = ifnull(?14, ephemeral_at),
	read_up_to = max(read_up_to, ?15), phone = ifnull(?16, phone),
	shown_as = CASE ?17 WHEN '' THEN shown_as ELSE ?17 END, also = ifnull(?18, also)`

func putChats(c *conn, num int64, updates []store.ChatUpdate) error {
	for _, u := range updates {
		if u.Gone {
			if _, err := c.exec(`DELETE FROM chats WHERE session = ? AND id = ?`, num, u.ID); err != nil {
				return err
			}
			continue
		}
		_, err := c.exec(putChat, num, u.ID, u.Kind, u.Name, nameWords(u.Name), u.AddUnread, u.ClearRead,
			orNull(u.Archived), orNull(u.Pinned), orNull(u.MutedUntil), store.Never, u.ActivityAt,
			orNull(u.Ephemeral), orNull(u.EphemeralAt), u.ReadUpTo, orNull(u.Phone), u.Into, encodeList(u.Also))
		if err != nil {
			return err
		}
	}
	return nil
}

// orNull binds NULL for nil.
func orNull[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}
