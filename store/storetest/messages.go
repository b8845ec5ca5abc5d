package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"whatsapp-api/store"
)

// full message: every field set.
func everything(session string) store.Message {
	return store.Message{
		SessionID:  session,
		MessageKey: store.MessageKey{Chat: "c", Sender: "p", ID: "m"},
		FromMe:     true, Type: "image", Text: "caption",
		Quoted:   &store.Quoted{ID: "q", Sender: "qs", Type: "text", Text: "said"},
		Mentions: []string{"a@s", "b@lid"},
		Media:    &store.Media{MimeType: "image/png", FileName: "f.png", Size: 1 << 40, Seconds: 3, Width: 4, Height: 5},
		Status:   store.StatusQueued, Failure: &store.Failure{Code: "x", Detail: "y", Retryable: true},
		Timestamp: at(1), StoredAt: at(2), EditedAt: at(3), Raw: []byte{0, 1, 255},
	}
}

func (k *kit) message(session string, key store.MessageKey) store.Message {
	k.Helper()
	m, err := k.st.Messages().Get(k.ctx, session, key)
	k.NoError(err)
	return m
}

// messageIDs walks a list of messages.
func (k *kit) messageIDs(q store.MessageQuery, limit int) []string {
	k.Helper()
	return ids(pages(k, limit, func(p store.Page) ([]store.Message, string, error) {
		q.Page = p
		return k.st.Messages().List(k.ctx, q)
	}))
}

func (k *kit) putMessages(session string, list ...store.Message) []int64 {
	k.Helper()
	return k.commit(store.Unit{Session: session, Messages: list}).Pos
}

var messageCases = []testCase{
	{"missing", func(k *kit) {
		key := store.MessageKey{Chat: "c", Sender: "p", ID: "m"}
		for _, session := range []string{"none", k.session("s")} {
			_, err := k.st.Messages().Get(k.ctx, session, key)
			k.ErrorIs(err, store.ErrNotFound)
			_, err = k.st.Messages().Find(k.ctx, session, []string{"c"}, "m")
			k.ErrorIs(err, store.ErrNotFound)
			k.Empty(k.messageIDs(store.MessageQuery{Session: session, Chats: []string{"c"}}, 5))
			queued, err := k.st.Messages().Queued(k.ctx, session, 5)
			k.NoError(err)
			k.Empty(queued)
			known, err := k.st.Messages().Known(k.ctx, session, []store.MessageKey{key})
			k.NoError(err)
			k.False(known[key])
			n, err := k.st.Messages().DeleteBefore(k.ctx, session, at(99), 10)
			k.NoError(err)
			k.Zero(n)
		}
	}},
	{"comes back as it was", func(k *kit) {
		k.session("s")
		want := everything("s")
		given := want
		given.SessionID, given.Pos, given.Timestamp = "ignored", 99, want.Timestamp.Add(999*time.Microsecond)
		pos := k.putMessages("s", given)
		want.Pos = pos[0]
		k.Equal(want, k.message("s", want.MessageKey))
		bare := store.Message{SessionID: "s", MessageKey: store.MessageKey{Chat: "c", Sender: "p", ID: "bare"}}
		bare.Pos = k.putMessages("s", bare)[0]
		k.Equal(bare, k.message("s", bare.MessageKey))
		zero := bare
		zero.ID = "zero"
		zero.Quoted, zero.Media, zero.Failure, zero.Envelope = &store.Quoted{}, &store.Media{}, &store.Failure{}, &store.Envelope{}
		zero.Mentions, zero.Raw = []string{}, []byte{}
		zero.Pos = k.putMessages("s", zero)[0]
		zero.Mentions, zero.Raw = nil, nil // where nothing tells them apart, empty comes back as nil
		k.Equal(zero, k.message("s", zero.MessageKey))
	}},
	{"pos rises", func(k *kit) {
		k.session("s")
		var last int64
		for i := range 5 {
			pos := k.putMessages("s", text("a", "p", fmt.Sprint(i), at(0), ""), text("b", "p", fmt.Sprint(i), at(0), ""))
			k.Len(pos, 2)
			k.Greater(pos[0], last)
			k.Greater(pos[1], pos[0])
			last = pos[1]
			if i == 2 {
				k.reopen()
				k.NoError(k.st.Log().Recover(k.ctx, "s"))
			}
		}
	}},
	{"the sender belongs to the key", func(k *kit) {
		k.session("s")
		k.putMessages("s", text("c", "p", "m", at(2), "of p"), text("c", "q", "m", at(1), "of q"), text("d", "p", "m", at(3), "in d"))
		k.Equal("of q", k.message("s", store.MessageKey{Chat: "c", Sender: "q", ID: "m"}).Text)
		m, err := k.st.Messages().Find(k.ctx, "s", []string{"c"}, "m")
		k.NoError(err)
		k.Equal("of p", m.Text, "the newest of the chat")
		_, err = k.st.Messages().Find(k.ctx, "s", []string{"e"}, "m")
		k.ErrorIs(err, store.ErrNotFound)
	}},
	{"keys do not run into each other", func(k *kit) {
		k.session("s")
		keys := []store.MessageKey{
			{Chat: "a", Sender: "b", ID: "c"},
			{Chat: "ab", Sender: "", ID: "c"},
			{Chat: "a", Sender: "", ID: "bc"},
			{Chat: "a\x00b", Sender: "", ID: "c"},
			{Chat: "a", Sender: "b\x00c", ID: ""},
			{Chat: "a", Sender: "b/c", ID: ""},
			{Chat: "a/b", Sender: "", ID: "c"},
			{Chat: "a", Sender: "\x01b", ID: "c"},
			{Chat: "a\x01", Sender: "b", ID: "c"},
			{Chat: "a\x01\x01b", Sender: "", ID: "c"},
			{Chat: "", Sender: "a", ID: "b\x00c"},
			{Chat: "\xff", Sender: "b", ID: "c"},
		}
		for i, key := range keys {
			m := text(key.Chat, key.Sender, key.ID, at(i), fmt.Sprint(i))
			k.putMessages("s", m)
		}
		known, err := k.st.Messages().Known(k.ctx, "s", append(slices.Clone(keys), store.MessageKey{Chat: "a", Sender: "b", ID: "x"}))
		k.NoError(err)
		k.Len(known, len(keys))
		for i, key := range keys {
			k.Equal(fmt.Sprint(i), k.message("s", key).Text)
			k.True(known[key])
		}
	}},
	{"large and strange values", func(k *kit) {
		k.session("s")
		raw := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MB
		big := text("c", "p", "big", at(0), string(bytes.Repeat([]byte("word "), 20_000)))
		big.Raw = raw
		k.putMessages("s", big)
		got := k.message("s", big.MessageKey)
		k.True(bytes.Equal(raw, got.Raw))
		k.Equal(big.Text, got.Text)
		for i, s := range strange {
			m := everything("s")
			m.MessageKey = store.MessageKey{Chat: "c" + s, Sender: s, ID: fmt.Sprint(i)}
			in := strings.ToValidUTF8(s, "") // records within a message are text
			m.Text, m.Quoted.Text, m.Media.FileName, m.Failure.Detail, m.Raw = s, in, in, in, []byte("x"+s)
			m.Pos = k.putMessages("s", m)[0]
			k.Equal(m, k.message("s", m.MessageKey))
		}
	}},
	{"a unit of twenty megabytes", func(k *kit) {
		k.session("s")
		u := store.Unit{Session: "s", Events: []store.Event{event(1), event(2)}}
		for i := range 40 {
			m := text("c", "p", fmt.Sprint(i), at(i), "large")
			m.Raw = bytes.Repeat([]byte{byte(i)}, 1<<19)
			u.Messages = append(u.Messages, m)
		}
		kept := k.commit(u)
		k.Equal(int64(2), kept.LastSeq)
		k.reopen()
		k.NoError(k.st.Log().Recover(k.ctx, "s"))
		k.Len(k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}}, 7), 40)
		k.True(bytes.Equal(u.Messages[39].Raw, k.message("s", u.Messages[39].MessageKey).Raw))
		events, err := k.st.Log().After(k.ctx, "s", 0, 10)
		k.NoError(err)
		k.Equal(kept.Events, events)
		_, err = k.st.Log().Commit(k.ctx, u)
		k.ErrorIs(err, store.ErrExists)
		k.commit(store.Unit{Session: "s", Events: []store.Event{event(3)}})
	}},
	{"order and pages", func(k *kit) {
		k.session("s")
		k.putMessages("s", text("other", "p", "x", at(3), ""))
		var want []string
		for i := range 12 {
			id := fmt.Sprint(i)
			k.putMessages("s", text("c", "p", id, at(i/4), "")) // four share each time
			want = append([]string{id}, want...)
		}
		k.putMessages("s", text("c", "p", "old", at(-1), ""))
		want = append(want, "old")
		for _, limit := range []int{1, 2, 3, 5, 13, 14, 100} {
			k.Equal(want, k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}}, limit))
		}
		list, next, err := k.st.Messages().List(k.ctx, store.MessageQuery{Session: "s", Chats: []string{"c"}})
		k.NoError(err)
		k.Empty(list, "a page of no records")
		k.Empty(next)
		refuses(k, func(p store.Page) ([]store.Message, string, error) {
			return k.st.Messages().List(k.ctx, store.MessageQuery{Session: "s", Chats: []string{"c"}, Page: p})
		})
	}},
	{"pages are stable when messages come", func(k *kit) {
		k.session("s")
		for i := range 6 {
			k.putMessages("s", text("c", "p", fmt.Sprint(i), at(0), ""))
		}
		q := store.MessageQuery{Session: "s", Chats: []string{"c"}, Page: store.Page{Limit: 2}}
		var got []string
		for i := range 3 {
			list, next, err := k.st.Messages().List(k.ctx, q)
			k.NoError(err)
			got = append(got, ids(list)...)
			q.Page.Cursor = next
			k.putMessages("s", text("c", "p", fmt.Sprint("new", i), at(0), ""))
		}
		k.Equal([]string{"5", "4", "3", "2", "1", "0"}, got)
		k.Empty(q.Page.Cursor)
	}},
	{"filters", func(k *kit) {
		k.session("s")
		for i := range 8 {
			m := text("c", "p", fmt.Sprint(i), at(i), "")
			m.FromMe, m.Type = i%2 == 0, []string{"text", "image"}[i/4]
			k.putMessages("s", m)
		}
		list := func(change func(*store.MessageQuery)) []string {
			q := store.MessageQuery{Session: "s", Chats: []string{"c"}}
			change(&q)
			return k.messageIDs(q, 2)
		}
		k.Equal([]string{"2", "1", "0"}, list(func(q *store.MessageQuery) { q.Before = at(3) }))
		k.Equal([]string{"7", "6"}, list(func(q *store.MessageQuery) { q.After = at(5) }))
		k.Equal([]string{"4", "3"}, list(func(q *store.MessageQuery) { q.After, q.Before = at(2), at(5) }))
		k.Equal([]string{"6", "4", "2", "0"}, list(func(q *store.MessageQuery) { q.FromMe = ptr(true) }))
		k.Equal([]string{"7", "5", "3", "1"}, list(func(q *store.MessageQuery) { q.FromMe = ptr(false) }))
		k.Equal([]string{"7", "6", "5", "4"}, list(func(q *store.MessageQuery) { q.Type = "image" }))
		k.Equal([]string{"5"}, list(func(q *store.MessageQuery) { q.Type, q.FromMe, q.Before = "image", ptr(false), at(7) }))
	}},
	{"queued", func(k *kit) {
		k.session("s")
		k.session("other")
		put := func(session, id string, when int, status string) {
			m := text("c"+id, "me", id, at(when), "")
			m.Status = status
			k.putMessages(session, m)
		}
		put("s", "b", 2, store.StatusQueued)
		put("s", "x", 1, store.StatusSent)
		put("s", "a", 1, store.StatusQueued)
		put("s", "c", 2, store.StatusQueued)
		put("other", "y", 1, store.StatusQueued)
		queued := func(limit int) []string {
			list, err := k.st.Messages().Queued(k.ctx, "s", limit)
			k.NoError(err)
			return ids(list)
		}
		k.Equal([]string{"a", "b", "c"}, queued(10))
		k.Equal([]string{"a", "b"}, queued(2))
		k.Empty(queued(0))
		k.commit(store.Unit{Session: "s", Updates: []store.MessageUpdate{{Key: store.MessageKey{Chat: "cb", Sender: "me", ID: "b"}, Status: ptr(store.StatusSent)}}})
		k.Equal([]string{"a", "c"}, queued(10))
	}},
	{"count and delete the old", func(k *kit) {
		k.session("s")
		k.session("other")
		k.fill("other", 10)
		for i := range 10 {
			id := fmt.Sprint((i * 3) % 10)
			k.commit(store.Unit{
				Session: "s", Messages: []store.Message{text("c"+id, "p", id, at((i*3)%10), "word")},
				Receipts: []store.Receipt{{Key: store.MessageKey{Chat: "c" + id, Sender: "p", ID: id}, By: "x", Status: store.StatusRead, At: at(1)}},
			})
		}
		count := func(before time.Time) int {
			n, err := k.st.Messages().Count(k.ctx, "s", before)
			k.NoError(err)
			return n
		}
		remove := func(before time.Time, limit int) int {
			n, err := k.st.Messages().DeleteBefore(k.ctx, "s", before, limit)
			k.NoError(err)
			return n
		}
		k.Equal(7, count(at(7)))
		k.Zero(remove(at(7), 0))
		k.Equal(2, remove(at(7), 2))
		k.Equal(5, count(at(7)))
		_, err := k.st.Messages().Find(k.ctx, "s", []string{"c2"}, "2")
		k.NoError(err, "the oldest went first")
		_, err = k.st.Messages().Find(k.ctx, "s", []string{"c1"}, "1")
		k.ErrorIs(err, store.ErrNotFound)
		k.Equal(5, remove(at(7), 100))
		k.Zero(remove(at(7), 100))
		k.Equal(3, count(at(100)))
		receipts, err := k.st.Messages().Receipts(k.ctx, "s", store.MessageKey{Chat: "c1", Sender: "p", ID: "1"})
		k.NoError(err)
		k.Empty(receipts)
		k.Empty(k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c1"}, Search: "word"}, 5))
		k.Equal([]string{"8"}, k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c8"}, Search: "word"}, 5))
		k.full("other", 10)
		k.putMessages("s", text("c1", "p", "1", at(1), "again"))
	}},
	{"delete some", func(k *kit) {
		k.session("s")
		k.putMessages("s", text("c", "p", "1", at(1), "word"), text("c", "p", "2", at(2), "word"), text("c", "q", "1", at(3), "word"))
		k.commit(store.Unit{Session: "s", Receipts: []store.Receipt{
			{Key: store.MessageKey{Chat: "c", Sender: "p", ID: "1"}, By: "b", Status: store.StatusRead, At: at(4)},
			{Key: store.MessageKey{Chat: "c", Sender: "q", ID: "1"}, By: "b", Status: store.StatusRead, At: at(4)},
		}})
		remove := func(session string, keys ...store.MessageKey) int {
			n, err := k.st.Messages().Delete(k.ctx, session, keys)
			k.NoError(err)
			return n
		}
		first := store.MessageKey{Chat: "c", Sender: "p", ID: "1"}
		k.Zero(remove("none", first))
		k.Zero(remove("s"))
		k.Equal(1, remove("s", first, store.MessageKey{Chat: "c", Sender: "p", ID: "9"}))
		k.Zero(remove("s", first))
		k.Equal([]string{"1", "2"}, k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}, Search: "word"}, 5))
		receipts, err := k.st.Messages().Receipts(k.ctx, "s", first)
		k.NoError(err)
		k.Empty(receipts)
		receipts, err = k.st.Messages().Receipts(k.ctx, "s", store.MessageKey{Chat: "c", Sender: "q", ID: "1"})
		k.NoError(err)
		k.Len(receipts, 1)
		k.putMessages("s", text("c", "p", "1", at(1), "again"))
	}},
	{"delete many", func(k *kit) {
		k.session("s")
		for b := range 3 {
			u := store.Unit{Session: "s"}
			for i := range 500 {
				u.Messages = append(u.Messages, text("c", "p", fmt.Sprint(b, "-", i), at(i), "w"))
			}
			k.commit(u)
		}
		n, err := k.st.Messages().DeleteBefore(k.ctx, "s", at(9999), 1300)
		k.NoError(err)
		k.Equal(1300, n)
		k.Len(k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}}, 500), 200)
	}},
}
