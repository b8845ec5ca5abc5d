package storetest

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"whatsapp-api/store"
)

// seqs reads the Seqs after seq.
func (k *kit) seqs(session string, seq int64, limit int) []int64 {
	k.Helper()
	events, err := k.st.Log().After(k.ctx, session, seq, limit)
	k.NoError(err)
	got := []int64{}
	for _, e := range events {
		got = append(got, e.Seq)
	}
	return got
}

func (k *kit) bounds(session string, oldest, newest int64) {
	k.Helper()
	o, n, err := k.st.Log().Bounds(k.ctx, session)
	k.NoError(err)
	k.Equal([2]int64{oldest, newest}, [2]int64{o, n})
	s, err := k.st.Sessions().Get(k.ctx, session)
	k.NoError(err)
	k.Equal(newest, s.LastSeq)
}

var eventCases = []testCase{
	{"no such session", func(k *kit) {
		_, err := k.st.Log().After(k.ctx, "none", 0, 10)
		k.ErrorIs(err, store.ErrNotFound)
		_, _, err = k.st.Log().Bounds(k.ctx, "none")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Log().Prune(k.ctx, "none", at(9))
		k.ErrorIs(err, store.ErrNotFound)
	}},
	{"come back as they were", func(k *kit) {
		k.session("s")
		data := []byte(`{ "a" : [1,2], "text":"` + "ñ\\u0000 日本" + `" }`)
		e := store.Event{ID: "x", Seq: 99, SessionID: "ignored", Name: "n", Timestamp: at(1).Add(1999 * time.Microsecond), Data: data}
		kept := k.commit(store.Unit{Session: "s", Events: []store.Event{e, {ID: "bare"}}})
		want := []store.Event{
			{ID: "x", Seq: 1, SessionID: "s", Name: "n", Timestamp: at(1).Add(time.Millisecond), Data: data},
			{ID: "bare", Seq: 2, SessionID: "s"},
		}
		k.Equal(want, kept.Events)
		got, err := k.st.Log().After(k.ctx, "s", 0, 10)
		k.NoError(err)
		k.Equal(want, got)
		big := bytes.Repeat([]byte("x"), 1<<20)
		k.commit(store.Unit{Session: "s", Events: []store.Event{{ID: "big", Data: []byte(strconv.Quote(string(big)))}}})
		got, err = k.st.Log().After(k.ctx, "s", 2, 10)
		k.NoError(err)
		k.Len(got[0].Data, 1<<20+2)
	}},
	{"after", func(k *kit) {
		k.session("s")
		k.session("other")
		k.commit(store.Unit{Session: "other", Events: []store.Event{event(1)}})
		k.bounds("s", 1, 0)
		k.Empty(k.seqs("s", 0, 10))
		for i := range 4 { // units with two events, and one without between
			k.commit(store.Unit{Session: "s", Events: []store.Event{event(2 * i), event(2*i + 1)}})
			k.commit(store.Unit{Session: "s", Chats: []store.ChatUpdate{{ID: "c"}}})
		}
		k.bounds("s", 1, 8)
		k.Equal([]int64{1, 2, 3, 4, 5, 6, 7, 8}, k.seqs("s", 0, 100))
		k.Equal([]int64{4, 5, 6}, k.seqs("s", 3, 3))
		k.Equal([]int64{2, 3, 4, 5}, k.seqs("s", 1, 4))
		k.Equal([]int64{8}, k.seqs("s", 7, 10))
		k.Empty(k.seqs("s", 8, 10))
		k.Empty(k.seqs("s", 3, 0))
		for _, seq := range []int64{9, 1 << 60, -1} {
			_, err := k.st.Log().After(k.ctx, "s", seq, 10)
			k.ErrorIs(err, store.ErrExpired, "after %d", seq)
		}
	}},
	{"prune", func(k *kit) {
		k.session("s")
		k.session("other")
		k.fill("other", 10)
		for i := range 5 {
			k.commit(store.Unit{
				Session: "s", Events: []store.Event{event(2 * i), event(2*i + 1)},
				Messages: []store.Message{text("c", "p", fmt.Sprint(i), at(i), "kept")},
			})
		}
		prune := func(before time.Time) int {
			n, err := k.st.Log().Prune(k.ctx, "s", before)
			k.NoError(err)
			return n
		}
		k.Zero(prune(at(0)))
		k.Equal(3, prune(at(3)), "also in the middle of a unit")
		k.Zero(prune(at(3)))
		k.bounds("s", 4, 10)
		k.Equal([]int64{4, 5, 6}, k.seqs("s", 3, 3))
		_, err := k.st.Log().After(k.ctx, "s", 2, 10)
		k.ErrorIs(err, store.ErrExpired)
		k.reopen()
		k.NoError(k.st.Log().Recover(k.ctx, "s"))
		k.bounds("s", 4, 10)
		k.Equal(7, prune(at(100)))
		k.bounds("s", 11, 10)
		k.Empty(k.seqs("s", 10, 10))
		_, err = k.st.Log().After(k.ctx, "s", 9, 10)
		k.ErrorIs(err, store.ErrExpired)
		k.reopen()
		k.bounds("s", 11, 10)
		kept := k.commit(store.Unit{Session: "s", Events: []store.Event{event(50)}})
		k.Equal(int64(11), kept.LastSeq, "the newest stayed known")
		k.Equal([]int64{11}, k.seqs("s", 10, 10))
		k.bounds("s", 11, 11)
		k.Len(k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}}, 9), 5)
		k.full("other", 10)
	}},
	{"prune leaves no gaps", func(k *kit) {
		k.session("s")
		for _, n := range []int{1, 5, 2, 3} { // the third happened before the second
			k.commit(store.Unit{Session: "s", Events: []store.Event{event(n)}})
		}
		n, err := k.st.Log().Prune(k.ctx, "s", at(4))
		k.NoError(err)
		k.Equal(1, n)
		k.Equal([]int64{2, 3, 4}, k.seqs("s", 1, 10))
		n, err = k.st.Log().Prune(k.ctx, "s", at(6))
		k.NoError(err)
		k.Equal(3, n)
	}},
	{"prune many", func(k *kit) {
		k.session("s")
		for b := range 4 {
			u := store.Unit{Session: "s"}
			for i := range 400 {
				u.Events = append(u.Events, event(b*400+i))
			}
			k.commit(u)
		}
		n, err := k.st.Log().Prune(k.ctx, "s", at(1250))
		k.NoError(err)
		k.Equal(1250, n)
		k.bounds("s", 1251, 1600)
		k.Len(k.seqs("s", 1250, 1000), 350)
	}},
}
