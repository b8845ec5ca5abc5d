package storetest

import (
	"sort"

	"whatsapp-api/store"
)

func (k *kit) putContacts(session string, updates ...store.ContactUpdate) {
	k.Helper()
	k.commit(store.Unit{Session: session, Contacts: updates})
}

// contact finds whose address it is.
func (k *kit) contact(session, jid string) store.Contact {
	k.Helper()
	found, err := k.st.Contacts().Find(k.ctx, session, []string{jid})
	k.NoError(err)
	k.Contains(found, jid)
	return found[jid]
}

// person gets by key.
func (k *kit) person(session, id string) store.Contact {
	k.Helper()
	found, err := k.st.Contacts().Get(k.ctx, session, []string{id})
	k.NoError(err)
	k.Contains(found, id)
	return found[id]
}

func (k *kit) nobody(session string, jids ...string) {
	k.Helper()
	found, err := k.st.Contacts().Find(k.ctx, session, jids)
	k.NoError(err)
	k.Empty(found)
}

var contactCases = []testCase{
	{"missing", func(k *kit) {
		k.nobody("none", "x")
		k.session("s")
		k.putContacts("s", store.ContactUpdate{ID: "a"})
		k.nobody("s", "x", "", "a") // a key is no address, and the empty phone of "a" is nobody's
		k.nobody("s")
		found, err := k.st.Contacts().Get(k.ctx, "s", []string{"x", ""})
		k.NoError(err)
		k.Empty(found)
	}},
	{"got by key, found by phone and lid", func(k *kit) {
		k.session("s")
		k.session("other")
		want := store.Contact{SessionID: "s", ID: "key", Phone: "1@s", LID: "9@lid", Name: "Ann", PushName: "ann", BusinessName: "Ann Ltd"}
		k.putContacts("s", store.ContactUpdate{ID: "key", Phone: "1@s", LID: "9@lid", Name: "Ann", PushName: "ann", BusinessName: "Ann Ltd"})
		k.putContacts("s", store.ContactUpdate{ID: "2@lid", LID: "2@lid"})
		k.Equal(want, k.contact("s", "1@s"))
		k.Equal(want, k.contact("s", "9@lid"))
		k.putContacts("s", store.ContactUpdate{ID: "key"})
		k.Equal(want, k.person("s", "key"), "an empty field leaves what is known")
		found, err := k.st.Contacts().Find(k.ctx, "s", []string{"9@lid", "none", "1@s", "2@lid", "9@lid"})
		k.NoError(err)
		two := store.Contact{SessionID: "s", ID: "2@lid", LID: "2@lid"}
		k.Equal(map[string]store.Contact{"9@lid": want, "1@s": want, "2@lid": two}, found)
		k.nobody("other", "1@s")
	}},
	{"phone and lid move to the newer", func(k *kit) {
		k.session("s")
		k.session("other")
		k.putContacts("other", store.ContactUpdate{ID: "a", Phone: "p", LID: "l"})
		k.putContacts("s", store.ContactUpdate{ID: "a", Phone: "p", LID: "l", Name: "A"})
		k.putContacts("s", store.ContactUpdate{ID: "b", Phone: "p"})
		k.Equal("b", k.contact("s", "p").ID)
		k.Equal(store.Contact{SessionID: "s", ID: "a", LID: "l", Name: "A"}, k.person("s", "a"))
		k.putContacts("s", store.ContactUpdate{ID: "b", LID: "l"}, store.ContactUpdate{ID: "c", LID: "l", Phone: "p"})
		k.Equal(store.Contact{SessionID: "s", ID: "c", Phone: "p", LID: "l"}, k.contact("s", "l"))
		k.Equal(store.Contact{SessionID: "s", ID: "b"}, k.person("s", "b"))
		k.Equal("a", k.contact("other", "p").ID)
	}},
	{"a former address finds them until it is somebody else's", func(k *kit) {
		k.session("s")
		k.putContacts("s", store.ContactUpdate{ID: "a", Phone: "p", LID: "l"})
		k.putContacts("s", store.ContactUpdate{ID: "a", Phone: "p2"})
		want := store.Contact{SessionID: "s", ID: "a", Phone: "p2", LID: "l"}
		k.Equal(want, k.contact("s", "p"))
		k.Equal(want, k.contact("s", "p2"))
		k.putContacts("s", store.ContactUpdate{ID: "b", Phone: "p", LID: "l2"})
		k.Equal("b", k.contact("s", "p").ID)
		k.Equal(want, k.contact("s", "l"))
		k.putContacts("s", store.ContactUpdate{ID: "a", Phone: "p"})
		k.Equal("a", k.contact("s", "p").ID, "and back")
		k.Equal("a", k.contact("s", "p2").ID)
		k.Empty(k.person("s", "b").Phone)
	}},
	{"a key that looks like somebody's address is a key all the same", func(k *kit) {
		k.session("s")
		k.putContacts("s", store.ContactUpdate{ID: "p", Phone: "p", LID: "l"})
		k.putContacts("s", store.ContactUpdate{ID: "l2", LID: "l2", Phone: "p"})
		k.Equal("l2", k.contact("s", "p").ID)
		k.Equal("l", k.person("s", "p").LID)
	}},
	{"two that turn out to be one", func(k *kit) {
		k.session("s")
		k.putContacts("s", store.ContactUpdate{ID: "a", Phone: "p", Name: "Ann"}, store.ContactUpdate{ID: "b", LID: "l"}, store.ContactUpdate{ID: "b", LID: "l2"})
		k.putContacts("s", store.ContactUpdate{ID: "b", SameAs: "a"}, store.ContactUpdate{ID: "a", LID: "l2", Also: []string{"b"}})
		want := store.Contact{SessionID: "s", ID: "a", Phone: "p", LID: "l2", Name: "Ann", Also: []string{"b"}}
		for _, jid := range []string{"p", "l2", "l"} {
			k.Equal(want, k.contact("s", jid), jid)
		}
		k.Equal(want, k.person("s", "a"))
		k.Equal(want, k.person("s", "b"))
		k.Equal([]string{"a", "b"}, want.Keys())
		list, _, err := k.st.Contacts().List(k.ctx, "s", store.Page{Limit: 9})
		k.NoError(err)
		k.Equal([]store.Contact{want}, list)
		k.reopen()
		k.NoError(k.st.Log().Recover(k.ctx, "s"))
		k.Equal(want, k.contact("s", "l"))
	}},
	{"list", func(k *kit) {
		k.session("s")
		k.session("s2")
		k.putContacts("s2", store.ContactUpdate{ID: "x"})
		want := []string{"10@s", "1@lid", "9@s", "Z", "a", "ab", "é", "\U0001F600"}
		for i := range want {
			k.putContacts("s", store.ContactUpdate{ID: want[(i*5)%len(want)]})
		}
		k.True(sort.StringsAreSorted(want))
		for limit := 1; limit < 10; limit++ {
			var got []string
			for _, c := range pages(k, limit, func(p store.Page) ([]store.Contact, string, error) {
				return k.st.Contacts().List(k.ctx, "s", p)
			}) {
				got = append(got, c.ID)
			}
			k.Equal(want, got)
		}
		refuses(k, func(p store.Page) ([]store.Contact, string, error) { return k.st.Contacts().List(k.ctx, "s", p) })
	}},
	{"strange strings", func(k *kit) {
		k.session("s")
		for _, s := range strange {
			c := store.Contact{SessionID: "s", ID: "i" + s, Phone: "p" + s, LID: "l" + s, Name: s, PushName: s, BusinessName: s}
			k.putContacts("s", store.ContactUpdate{ID: c.ID, Phone: c.Phone, LID: c.LID, Name: s, PushName: s, BusinessName: s})
			k.Equal(c, k.person("s", c.ID))
			for _, jid := range []string{c.Phone, c.LID} {
				k.Equal(c, k.contact("s", jid))
			}
		}
		k.Len(pages(k, 2, func(p store.Page) ([]store.Contact, string, error) { return k.st.Contacts().List(k.ctx, "s", p) }), len(strange))
	}},
}
