package storetest

import (
	"sort"

	"whatsapp-api/store"
)

func (k *kit) putContacts(session string, updates ...store.ContactUpdate) {
	k.Helper()
	k.commit(store.Unit{Session: session, Contacts: updates})
}

func (k *kit) contact(session, jid string) store.Contact {
	k.Helper()
	c, err := k.st.Contacts().Find(k.ctx, session, jid)
	k.NoError(err)
	return c
}

var contactCases = []testCase{
	{"missing", func(k *kit) {
		_, err := k.st.Contacts().Find(k.ctx, "none", "x")
		k.ErrorIs(err, store.ErrNotFound)
		k.session("s")
		k.putContacts("s", store.ContactUpdate{ID: "a"})
		for _, jid := range []string{"x", ""} { // the empty phone of "a" is nobody's
			_, err = k.st.Contacts().Find(k.ctx, "s", jid)
			k.ErrorIs(err, store.ErrNotFound)
		}
		many, err := k.st.Contacts().Many(k.ctx, "s", nil)
		k.NoError(err)
		k.Empty(many)
	}},
	{"found by id, phone and lid", func(k *kit) {
		k.session("s")
		k.session("other")
		want := store.Contact{SessionID: "s", ID: "1@s", Phone: "1@s", LID: "9@lid", Name: "Ann", PushName: "ann", BusinessName: "Ann Ltd"}
		k.putContacts("s", store.ContactUpdate{ID: "1@s", Phone: "1@s", LID: "9@lid", Name: "Ann", PushName: "ann", BusinessName: "Ann Ltd"})
		k.putContacts("s", store.ContactUpdate{ID: "2@lid", LID: "2@lid"})
		k.Equal(want, k.contact("s", "1@s"))
		k.Equal(want, k.contact("s", "9@lid"))
		k.putContacts("s", store.ContactUpdate{ID: "1@s"})
		k.Equal(want, k.contact("s", "1@s"), "an empty field leaves what is known")
		many, err := k.st.Contacts().Many(k.ctx, "s", []string{"9@lid", "none", "1@s", "2@lid", "9@lid"})
		k.NoError(err)
		two := store.Contact{SessionID: "s", ID: "2@lid", LID: "2@lid"}
		k.Equal(map[string]store.Contact{"9@lid": want, "1@s": want, "2@lid": two}, many)
		_, err = k.st.Contacts().Find(k.ctx, "other", "1@s")
		k.ErrorIs(err, store.ErrNotFound)
	}},
	{"phone and lid move to the newer", func(k *kit) {
		k.session("s")
		k.session("other")
		k.putContacts("other", store.ContactUpdate{ID: "a", Phone: "p", LID: "l"})
		k.putContacts("s", store.ContactUpdate{ID: "a", Phone: "p", LID: "l", Name: "A"})
		k.putContacts("s", store.ContactUpdate{ID: "b", Phone: "p"})
		k.Equal("b", k.contact("s", "p").ID)
		k.Equal(store.Contact{SessionID: "s", ID: "a", LID: "l", Name: "A"}, k.contact("s", "a"))
		k.putContacts("s", store.ContactUpdate{ID: "b", LID: "l"}, store.ContactUpdate{ID: "c", LID: "l", Phone: "p"})
		k.Equal(store.Contact{SessionID: "s", ID: "c", Phone: "p", LID: "l"}, k.contact("s", "l"))
		k.Equal(store.Contact{SessionID: "s", ID: "b"}, k.contact("s", "b"))
		k.Equal("a", k.contact("other", "p").ID)
		k.putContacts("s", store.ContactUpdate{ID: "c", Phone: "p2"})
		_, err := k.st.Contacts().Find(k.ctx, "s", "p")
		k.ErrorIs(err, store.ErrNotFound)
	}},
	{"whose id it is comes before whose phone it is", func(k *kit) {
		k.session("s")
		k.putContacts("s", store.ContactUpdate{ID: "a", Phone: "b", LID: "c"}, store.ContactUpdate{ID: "d", Phone: "c"})
		k.Equal("a", k.contact("s", "b").ID)
		k.Equal("d", k.contact("s", "c").ID, "then the phone, then the lid")
		k.putContacts("s", store.ContactUpdate{ID: "b"}, store.ContactUpdate{ID: "c"})
		k.Equal("b", k.contact("s", "b").ID)
		many, err := k.st.Contacts().Many(k.ctx, "s", []string{"b", "c", "a"})
		k.NoError(err)
		k.Equal([]string{"b", "c", "a"}, []string{many["b"].ID, many["c"].ID, many["a"].ID})
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
			for _, jid := range []string{c.ID, c.Phone, c.LID} {
				k.Equal(c, k.contact("s", jid))
			}
		}
		k.Len(pages(k, 2, func(p store.Page) ([]store.Contact, string, error) { return k.st.Contacts().List(k.ctx, "s", p) }), len(strange))
	}},
}
