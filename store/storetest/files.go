package storetest

import (
	"errors"
	"fmt"
	"sync"

	"whatsapp-api/store"
)

// aFile is a file of a session, in which every field but its owner is set.
func aFile(id, session string) store.File {
	f := GoldenFile(id)
	f.OwnerID, f.SessionID = "", session
	return f
}

// file keeps a file that must be good.
func (k *kit) file(f store.File) {
	k.Helper()
	k.NoError(k.st.Files().Create(k.ctx, f))
}

func fileIDs(k *kit, q store.FileQuery) []string {
	k.Helper()
	names := []string{}
	for _, f := range pages(k, 2, func(p store.Page) ([]store.File, string, error) {
		q.Page = p
		return k.st.Files().List(k.ctx, q)
	}) {
		names = append(names, f.ID)
	}
	return names
}

// needed says of files by their content whether a record has it.
func (k *kit) needed(sums ...string) []bool {
	k.Helper()
	list := [][]byte{}
	for _, s := range sums {
		list = append(list, []byte(s))
	}
	needed, err := k.st.Files().Needed(k.ctx, list)
	k.NoError(err)
	return needed
}

var fileCases = []testCase{
	{"missing", func(k *kit) {
		_, err := k.st.Files().Get(k.ctx, "none")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Files().Update(k.ctx, "none", func(*store.File) error { return nil })
		k.ErrorIs(err, store.ErrNotFound)
		k.ErrorIs(k.st.Files().Delete(k.ctx, "none"), store.ErrNotFound)
		k.Empty(fileIDs(k, store.FileQuery{}))
		k.Equal([]bool{false, false}, k.needed("x", ""))
		k.Empty(k.needed())
	}},
	{"comes back as it was", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, aUser("owner")))
		k.session("session")
		k.file(GoldenFile("f"))
		got, err := k.st.Files().Get(k.ctx, "f")
		k.NoError(err)
		k.Equal(GoldenFile("f"), got)
		bare := store.File{ID: "bare", CreatedAt: at(0), UpdatedAt: at(0), NeededAt: at(0)}
		k.file(bare)
		got, err = k.st.Files().Get(k.ctx, "bare")
		k.NoError(err)
		k.Equal(bare, got)
		k.ErrorIs(k.st.Files().Create(k.ctx, bare), store.ErrExists)
	}},
	{"strange strings", func(k *kit) {
		for i, s := range strange {
			f := store.File{ID: fmt.Sprint(i, s), State: s, Kind: s, Media: store.Media{SHA256: store.Some([]byte(s))}, CreatedAt: at(0), UpdatedAt: at(0), NeededAt: at(0)}
			k.file(f)
			got, err := k.st.Files().Get(k.ctx, f.ID)
			k.NoError(err)
			k.Equal(f, got)
			k.Equal([]bool{s != ""}, k.needed(s))
		}
		k.Len(fileIDs(k, store.FileQuery{}), len(strange))
	}},
	{"belongs to who is there", func(k *kit) {
		k.ErrorIs(k.st.Files().Create(k.ctx, aFile("f", "none")), store.ErrNotFound)
		k.ErrorIs(k.st.Files().Create(k.ctx, store.File{ID: "f", OwnerID: "none"}), store.ErrNotFound)
		k.Empty(fileIDs(k, store.FileQuery{}))
	}},
	{"update", func(k *kit) {
		k.session("s")
		k.file(aFile("f", "s"))
		change := func(f *store.File) error {
			f.ID, f.State, f.Failure, f.Handle, f.Media.SHA256, f.NeededAt = "ignored", store.FileExpired, nil, nil, nil, at(7)
			return nil
		}
		got, err := k.st.Files().Update(k.ctx, "f", change)
		k.NoError(err)
		want := aFile("f", "s")
		want.State, want.Failure, want.Handle, want.Media.SHA256, want.NeededAt = store.FileExpired, nil, nil, nil, at(7)
		k.Equal(want, got)
		own := errors.New("own")
		_, err = k.st.Files().Update(k.ctx, "f", func(f *store.File) error { f.Kind = "x"; return own })
		k.ErrorIs(err, own)
		got, err = k.st.Files().Get(k.ctx, "f")
		k.NoError(err)
		k.Equal(want, got)
	}},
	{"no update is lost", func(k *kit) {
		k.file(store.File{ID: "f"})
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 5 {
					_, err := k.st.Files().Update(k.ctx, "f", func(f *store.File) error { f.Media.Pages++; return nil })
					k.NoError(err)
				}
			})
		}
		wg.Wait()
		got, err := k.st.Files().Get(k.ctx, "f")
		k.NoError(err)
		k.Equal(30, got.Media.Pages)
	}},
	{"list", func(k *kit) {
		k.session("s")
		k.session("t")
		for _, user := range []string{"ann", "bob"} {
			k.NoError(k.st.Users().Create(k.ctx, aUser(user)))
		}
		for i := range 9 {
			k.file(store.File{ID: fmt.Sprint("f", i), OwnerID: []string{"ann", "bob"}[i%2], SessionID: []string{"", "s", "t"}[i%3], Kind: []string{"image", "video"}[i/5]})
		}
		k.Equal([]string{"f8", "f7", "f6", "f5", "f4", "f3", "f2", "f1", "f0"}, fileIDs(k, store.FileQuery{}))
		k.Equal([]string{"f7", "f5", "f3", "f1"}, fileIDs(k, store.FileQuery{Owner: "bob"}))
		k.Equal([]string{"f7", "f4", "f1"}, fileIDs(k, store.FileQuery{Session: "s"}))
		k.Equal([]string{"f4"}, fileIDs(k, store.FileQuery{Session: "s", Owner: "ann"}))
		k.Equal([]string{"f7", "f5"}, fileIDs(k, store.FileQuery{Owner: "bob", Kind: "video"}))
		refuses(k, func(p store.Page) ([]store.File, string, error) {
			return k.st.Files().List(k.ctx, store.FileQuery{Page: p})
		})
	}},
	{"needed", func(k *kit) {
		k.session("s")
		for i, sum := range []string{"same", "same", "other"} {
			f := aFile(fmt.Sprint(i), "s")
			f.Media.SHA256, f.NeededAt = []byte(sum), at(i)
			k.file(f)
		}
		k.Equal([]bool{true, false, true, true}, k.needed("other", "none", "same", "same"))
		k.NoError(k.st.Files().Delete(k.ctx, "1"))
		k.Equal([]bool{true}, k.needed("same"))
		n, err := k.st.Files().DeleteBefore(k.ctx, at(0))
		k.NoError(err)
		k.Zero(n)
		n, err = k.st.Files().DeleteBefore(k.ctx, at(1))
		k.NoError(err)
		k.Equal(1, n)
		k.Equal([]bool{false, true}, k.needed("same", "other"))
	}},
	{"goes with its session", func(k *kit) {
		k.session("s")
		k.session("t")
		k.file(aFile("a", "s"))
		k.file(aFile("b", "t"))
		k.NoError(k.st.Sessions().Delete(k.ctx, "s"))
		k.Equal([]string{"b"}, fileIDs(k, store.FileQuery{}))
	}},
	{"goes with its owner", func(k *kit) {
		for _, user := range []string{"ann", "bob"} {
			k.NoError(k.st.Users().Create(k.ctx, aUser(user)))
			k.file(store.File{ID: user, OwnerID: user})
		}
		k.NoError(k.st.Users().Delete(k.ctx, "ann"))
		k.Equal([]string{"bob"}, fileIDs(k, store.FileQuery{}))
	}},
}
