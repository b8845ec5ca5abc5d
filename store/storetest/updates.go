package storetest

import (
	"fmt"
	"time"

	"whatsapp-api/store"
)

// says is a body that says only this.
func says(text string) *store.Body { return &store.Body{Type: "text", Text: text} }

func (k *kit) update(session string, updates ...store.MessageUpdate) {
	k.Helper()
	k.commit(store.Unit{Session: session, Updates: updates})
}

var statuses = []string{
	store.StatusReceived, store.StatusQueued, store.StatusSent, store.StatusDelivered,
	store.StatusRead, store.StatusPlayed, store.StatusFailed,
}

var updateCases = []testCase{
	{"a message that is not there is left alone", func(k *kit) {
		k.session("s")
		key := store.MessageKey{Chat: "c", Sender: "p", ID: "m"}
		k.update("s", store.MessageUpdate{Key: key, Body: says("x"), Status: ptr(store.StatusRead)})
		_, err := k.st.Messages().Get(k.ctx, "s", key)
		k.ErrorIs(err, store.ErrNotFound)
	}},
	{"nil leaves as is", func(k *kit) {
		k.session("s")
		want := everything("s")
		want.Pos = k.putMessages("s", want)[0]
		k.update("s", store.MessageUpdate{Key: want.MessageKey})
		k.Equal(want, k.message("s", want.MessageKey))
	}},
	{"all fields", func(k *kit) {
		k.session("s")
		want := everything("s")
		want.Pos = k.putMessages("s", want)[0]
		other := text("c", "p", "other", at(0), "untouched")
		other.SessionID, other.Pos = "s", k.putMessages("s", other)[0]
		body := store.Body{
			Type: "video", Text: "$new", Quoted: &store.Quoted{ID: "$q"}, Mentions: []string{"$m"}, Media: &store.Media{MimeType: "$v"},
			Content: &store.Content{ViewOnce: true}, Raw: []byte("raw"),
		}
		k.update("s",
			store.MessageUpdate{Key: want.MessageKey, Status: ptr(store.StatusSent), Timestamp: ptr(at(20).Add(time.Microsecond))},
			store.MessageUpdate{
				Key: want.MessageKey, Status: ptr(store.StatusDelivered), Body: &body, Live: &store.Live{Starred: &store.Mark{On: true, At: 7}},
				EditedAt: ptr(at(21)), Failure: &store.Failure{Code: "$z"},
			})
		want.SetBody(body)
		want.Status, want.Timestamp, want.Live = store.StatusDelivered, at(20), &store.Live{Starred: &store.Mark{On: true, At: 7}}
		want.EditedAt, want.Failure = at(21), &store.Failure{Code: "$z"}
		k.Equal(want, k.message("s", want.MessageKey))
		k.Equal(other, k.message("s", other.MessageKey))
		k.update("s", store.MessageUpdate{Key: want.MessageKey, Body: &store.Body{}, EditedAt: &time.Time{}})
		want.SetBody(store.Body{})
		want.EditedAt = time.Time{}
		k.Equal(want, k.message("s", want.MessageKey))
	}},
	{"the status only rises", func(k *kit) {
		k.session("s")
		for i, now := range statuses {
			for j, next := range statuses {
				m := text("c", "p", fmt.Sprint(i, j), at(0), "")
				m.Status = now
				k.putMessages("s", m)
				k.update("s", store.MessageUpdate{Key: m.MessageKey, Status: ptr(next)})
				want := now
				if store.StatusRises(now, next) {
					want = next
				}
				k.Equal(want, k.message("s", m.MessageKey).Status, "%s to %s", now, next)
			}
		}
	}},
	{"revoked is empty and stays so", func(k *kit) {
		k.session("s")
		want := everything("s")
		want.Pos = k.putMessages("s", want)[0]
		k.update("s", store.MessageUpdate{Key: want.MessageKey, RevokedAt: ptr(at(30)), Body: says("still")})
		want.RevokedAt = at(30)
		want.SetBody(store.Body{Type: "text"})
		k.Equal(want, k.message("s", want.MessageKey))
		k.update("s", store.MessageUpdate{Key: want.MessageKey, Body: &store.Body{Type: "image", Text: "late edit", Raw: []byte("x")}, EditedAt: ptr(at(31))})
		want.EditedAt, want.Type = at(31), "image"
		k.Equal(want, k.message("s", want.MessageKey))
		k.Empty(k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}, Search: "caption"}, 5))
		k.Empty(k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}, Search: "late"}, 5))
		born := text("c", "p", "born", at(0), "gone")
		born.RevokedAt, born.Raw, born.Content, born.Mentions = at(1), []byte("x"), &store.Content{ViewOnce: true}, []string{"p"}
		k.putMessages("s", born)
		got := k.message("s", born.MessageKey)
		k.Empty(got.Text)
		k.Equal(store.Body{Type: "text"}, got.Body())
	}},
	{"in the unit that brings the message", func(k *kit) {
		k.session("s")
		m := text("c", "p", "m", at(0), "first")
		k.commit(store.Unit{Session: "s", Messages: []store.Message{m}, Updates: []store.MessageUpdate{{Key: m.MessageKey, Body: says("second")}}})
		k.Equal("second", k.message("s", m.MessageKey).Text)
	}},
}

var receiptCases = []testCase{
	{"order", func(k *kit) {
		k.session("s")
		key := store.MessageKey{Chat: "c", Sender: "me", ID: "m"}
		other := store.MessageKey{Chat: "c", Sender: "you", ID: "m"}
		receipts := []store.Receipt{
			{Key: key, By: "b", Status: store.StatusRead, At: at(5)},
			{Key: key, By: "b", Status: store.StatusDelivered, At: at(2)},
			{Key: key, By: "a", Status: store.StatusDelivered, At: at(2)},
			{Key: other, By: "x", Status: store.StatusRead, At: at(1)},
			{Key: key, By: "a", Status: store.StatusPlayed, At: at(1).Add(time.Microsecond)},
		}
		k.commit(store.Unit{Session: "s", Receipts: receipts})
		got, err := k.st.Messages().Receipts(k.ctx, "s", key)
		k.NoError(err)
		receipts[4].At = at(1)
		k.Equal([]store.Receipt{receipts[4], receipts[2], receipts[1], receipts[0]}, got)
		got, err = k.st.Messages().Receipts(k.ctx, "none", key)
		k.NoError(err)
		k.Empty(got)
	}},
	{"known already", func(k *kit) {
		k.session("s")
		key := store.MessageKey{Chat: "c", Sender: "me", ID: "m"}
		r := store.Receipt{Key: key, By: "b", Status: store.StatusRead, At: at(5)}
		k.commit(store.Unit{Session: "s", Receipts: []store.Receipt{r}})
		r.At = at(6)
		_, err := k.st.Log().Commit(k.ctx, store.Unit{Session: "s", Receipts: []store.Receipt{r}, Events: []store.Event{event(1)}})
		k.ErrorIs(err, store.ErrExists)
		got, err := k.st.Messages().Receipts(k.ctx, "s", key)
		k.NoError(err)
		k.Len(got, 1)
		k.Equal(at(5), got[0].At)
		_, newest, err := k.st.Log().Bounds(k.ctx, "s")
		k.NoError(err)
		k.Zero(newest)
		r.Status = store.StatusPlayed
		k.commit(store.Unit{Session: "s", Receipts: []store.Receipt{r}})
		_, err = k.st.Log().Commit(k.ctx, store.Unit{Session: "s", Receipts: []store.Receipt{
			{Key: key, By: "twice", Status: store.StatusRead}, {Key: key, By: "twice", Status: store.StatusRead},
		}})
		k.ErrorIs(err, store.ErrExists, "twice in one unit")
	}},
}
