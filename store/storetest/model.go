package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// Model is what a session should hold after its units, in the plainest code there is.
type Model struct {
	Session store.Session

	messages map[store.MessageKey]store.Message
	receipts map[receiptKey]store.Receipt
	chats    map[string]store.Chat
	contacts map[string]store.Contact
	aliases  map[string]string // jid to contact
	tasks    map[string]store.Task
	into     map[string]bool // chats that are shown as another
	keys     map[[2]string][]byte
	events   []store.Event
	stored   int64 // orders the messages as Pos does
}

type receiptKey struct {
	key        store.MessageKey
	by, status string
}

func keyOf(r store.Receipt) receiptKey { return receiptKey{r.Key, r.By, r.Status} }

// NewModel is a session without anything in it.
func NewModel(s store.Session) *Model {
	return &Model{
		Session: s, messages: map[store.MessageKey]store.Message{}, receipts: map[receiptKey]store.Receipt{},
		chats: map[string]store.Chat{}, contacts: map[string]store.Contact{}, keys: map[[2]string][]byte{},
		aliases: map[string]string{}, tasks: map[string]store.Task{}, into: map[string]bool{},
	}
}

func (m *Model) clone() *Model {
	c := *m
	c.messages, c.receipts, c.chats = maps.Clone(m.messages), maps.Clone(m.receipts), maps.Clone(m.chats)
	c.aliases, c.tasks, c.into = maps.Clone(m.aliases), maps.Clone(m.tasks), maps.Clone(m.into)
	c.contacts, c.keys, c.events = maps.Clone(m.contacts), maps.Clone(m.keys), slices.Clone(m.events)
	return &c
}

// Commit applies the unit or returns store.ErrExists.
func (m *Model) Commit(u store.Unit) error {
	c := m.clone()
	for _, msg := range u.Messages {
		if _, there := c.messages[msg.MessageKey]; there {
			return store.ErrExists
		}
		c.stored++
		msg.SessionID, msg.Pos = c.Session.ID, c.stored
		if msg.Quoted != nil {
			msg.Quoted = ptr(*msg.Quoted)
		}
		c.messages[msg.MessageKey] = msg
	}
	for _, r := range u.Receipts {
		if _, there := c.receipts[keyOf(r)]; there {
			return store.ErrExists
		}
		c.receipts[keyOf(r)] = r
	}
	c.putKeys(u)
	for _, up := range u.Contacts {
		c.putContact(up)
	}
	for _, up := range u.Chats {
		c.putChat(up)
	}
	for _, up := range u.Updates {
		c.updateMessage(up)
	}
	for _, ch := range u.Tasks {
		if delete(c.tasks, ch.Task.ID); !ch.Done {
			c.tasks[ch.Task.ID] = ch.Task
		}
	}
	c.putState(u.State)
	for _, e := range u.Events {
		c.Session.LastSeq++
		e.Seq, e.SessionID = c.Session.LastSeq, c.Session.ID
		c.events = append(c.events, e)
	}
	*m = *c
	return nil
}

func (m *Model) putKeys(u store.Unit) {
	if u.ForgetKeys {
		clear(m.keys)
	}
	for _, k := range u.Keys {
		if k.Value == nil {
			delete(m.keys, [2]string{k.Table, k.Key})
		} else {
			m.keys[[2]string{k.Table, k.Key}] = k.Value
		}
	}
}

func (m *Model) putState(u *store.SessionUpdate) {
	if u == nil {
		return
	}
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&m.Session.State, u.State)
	set(&m.Session.Reason, u.Reason)
	set(&m.Session.Phone, u.Phone)
	if u.Since != nil {
		m.Session.Since = *u.Since
	}
}

func (m *Model) putContact(u store.ContactUpdate) {
	for id, c := range m.contacts {
		if id != u.ID && u.Phone != "" && c.Phone == u.Phone {
			c.Phone = ""
		}
		if id != u.ID && u.LID != "" && c.LID == u.LID {
			c.LID = ""
		}
		m.contacts[id] = c
	}
	for _, jid := range []string{u.Phone, u.LID} {
		if jid != "" {
			m.aliases[jid] = u.ID
		}
	}
	c := m.contacts[u.ID]
	c.SessionID, c.ID = m.Session.ID, u.ID
	c.Phone, c.LID = cmp.Or(u.Phone, c.Phone), cmp.Or(u.LID, c.LID)
	c.Name, c.PushName, c.BusinessName = cmp.Or(u.Name, c.Name), cmp.Or(u.PushName, c.PushName), cmp.Or(u.BusinessName, c.BusinessName)
	c.SameAs = cmp.Or(u.SameAs, c.SameAs)
	if u.Also != nil {
		c.Also = u.Also
	}
	m.contacts[u.ID] = c
}

func (m *Model) putChat(u store.ChatUpdate) {
	if u.Gone {
		delete(m.chats, u.ID)
		delete(m.into, u.ID)
		return
	}
	c := m.chats[u.ID]
	c.SessionID, c.ID, c.Kind, c.Name = m.Session.ID, u.ID, cmp.Or(u.Kind, c.Kind), cmp.Or(u.Name, c.Name)
	if u.ActivityAt.After(c.LastActivityAt) {
		c.LastActivityAt = u.ActivityAt
	}
	if u.ClearRead {
		c.Unread = 0
	}
	c.Unread = max(0, c.Unread+u.AddUnread)
	if u.Archived != nil {
		c.Archived = *u.Archived
	}
	if u.Pinned != nil {
		c.Pinned = *u.Pinned
	}
	if u.MutedUntil != nil {
		c.MutedUntil = *u.MutedUntil
	}
	if u.Ephemeral != nil {
		c.Ephemeral = *u.Ephemeral
	}
	if u.EphemeralAt != nil {
		c.EphemeralAt = *u.EphemeralAt
	}
	if u.ReadUpTo.After(c.ReadUpTo) {
		c.ReadUpTo = u.ReadUpTo
	}
	if u.Into != "" {
		m.into[u.ID] = true
	}
	if u.Also != nil {
		c.Also = u.Also
	}
	m.chats[u.ID] = c
}

func (m *Model) updateMessage(u store.MessageUpdate) {
	msg, there := m.messages[u.Key]
	if !there {
		return
	}
	if u.Status != nil && store.StatusRises(msg.Status, *u.Status) {
		msg.Status = *u.Status
	}
	if u.Failure != nil {
		msg.Failure = u.Failure
	}
	if u.Timestamp != nil {
		msg.Timestamp = *u.Timestamp
	}
	if u.Body != nil {
		msg.SetBody(*u.Body)
	}
	if u.Live != nil {
		msg.Live = u.Live
	}
	if u.EditedAt != nil {
		msg.EditedAt = *u.EditedAt
	}
	if u.RevokedAt != nil {
		msg.RevokedAt = *u.RevokedAt
	}
	if !msg.RevokedAt.IsZero() {
		msg.SetBody(msg.Body().Emptied())
	}
	m.messages[u.Key] = msg
}

// sorted are the messages, the one stored first first.
func (m *Model) sorted(which func(store.Message) bool) (list []store.Message) {
	for _, msg := range m.messages {
		if which(msg) {
			list = append(list, msg)
		}
	}
	slices.SortFunc(list, func(a, b store.Message) int { return cmp.Compare(a.Pos, b.Pos) })
	return list
}

// inChats are the messages of chats as Messages.List goes.
func (m *Model) inChats(chats ...string) []store.Message {
	list := m.sorted(func(msg store.Message) bool { return slices.Contains(chats, msg.Chat) })
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b store.Message) int { return b.Timestamp.Compare(a.Timestamp) })
	return list
}

// TB is what testing.TB and rapid.T have in common.
type TB interface {
	require.TestingT
	Helper()
}

// Check compares what a store has of the session with the model.
func (m *Model) Check(ctx context.Context, t TB, st store.Store) {
	t.Helper()
	id, all := m.Session.ID, store.Page{Limit: 10_000}
	session, err := st.Sessions().Get(ctx, id)
	require.NoError(t, err)
	require.Equal(t, m.Session, session)
	events, err := st.Log().After(ctx, id, 0, 10_000)
	require.NoError(t, err)
	require.Equal(t, m.events, events)
	m.checkKeys(ctx, t, st)

	contacts, _, err := st.Contacts().List(ctx, id, all)
	require.NoError(t, err)
	require.Equal(t, without(byKeys(m.contacts), func(c store.Contact) bool { return c.SameAs != "" }), contacts)
	m.checkAliases(ctx, t, st)
	m.checkTasks(ctx, t, st)

	chats, _, err := st.Chats().List(ctx, store.ChatQuery{Session: id, Page: all})
	require.NoError(t, err)
	want := without(byKeys(m.chats), func(c store.Chat) bool { return m.into[c.ID] })
	slices.SortStableFunc(want, func(a, b store.Chat) int { return b.LastActivityAt.Compare(a.LastActivityAt) })
	for i := range want {
		if messages := m.inChats(want[i].Keys()...); len(messages) > 0 {
			messages[0].Raw = nil
			want[i].LastMessage = &messages[0]
		}
	}
	for i := range chats {
		if chats[i].LastMessage != nil {
			chats[i].LastMessage.Pos = 0 // the model counts its own
		}
	}
	for i := range want {
		if want[i].LastMessage != nil {
			want[i].LastMessage.Pos = 0
		}
	}
	require.Equal(t, want, chats)
	m.checkMessages(ctx, t, st)
}

func (m *Model) checkAliases(ctx context.Context, t TB, st store.Store) {
	t.Helper()
	found, err := st.Contacts().Find(ctx, m.Session.ID, addresses)
	require.NoError(t, err)
	want := map[string]store.Contact{}
	for jid, id := range m.aliases {
		c := m.contacts[id]
		if c.SameAs != "" {
			c = m.contacts[c.SameAs]
		}
		if c.ID != "" { // the record it is the same as is there
			want[jid] = c
		}
	}
	require.Equal(t, want, found)
}

func (m *Model) checkTasks(ctx context.Context, t TB, st store.Store) {
	t.Helper()
	for _, kind := range texts {
		list, err := st.Tasks().List(ctx, m.Session.ID, kind, 10_000)
		require.NoError(t, err)
		want := without(byKeys(m.tasks), func(task store.Task) bool { return task.Kind != kind })
		slices.SortStableFunc(want, func(a, b store.Task) int { return a.Due.Compare(b.Due) })
		require.Equal(t, want, list)
	}
}

func (m *Model) checkKeys(ctx context.Context, t TB, st store.Store) {
	t.Helper()
	got := map[[2]string][]byte{}
	for _, table := range tables {
		list, err := st.Devices().List(ctx, m.Session.ID, table, "", "", 10_000)
		require.NoError(t, err)
		for _, kv := range list {
			got[[2]string{table, kv.Key}] = kv.Value
		}
	}
	require.Equal(t, m.keys, got)
}

func (m *Model) checkMessages(ctx context.Context, t TB, st store.Store) {
	t.Helper()
	total := 0
	for _, chat := range people {
		list, _, err := st.Messages().List(ctx, store.MessageQuery{Session: m.Session.ID, Chats: []string{chat}, Page: store.Page{Limit: 10_000}})
		require.NoError(t, err)
		want := m.inChats(chat)
		for i := range want {
			want[i].Pos, want[i].Raw = 0, nil
		}
		for i := range list {
			list[i].Pos = 0
			receipts, err := st.Messages().Receipts(ctx, m.Session.ID, list[i].MessageKey)
			require.NoError(t, err)
			require.Equal(t, m.receiptsOf(list[i].MessageKey), receipts)
		}
		require.Equal(t, want, list)
		for _, word := range texts {
			m.checkSearch(ctx, t, st, chat, word)
		}
		total += len(list)
	}
	count, err := st.Messages().Count(ctx, m.Session.ID, at(1_000_000))
	require.NoError(t, err)
	require.Equal(t, total, count)
}

func (m *Model) checkSearch(ctx context.Context, t TB, st store.Store, chat, word string) {
	t.Helper()
	found, _, err := st.Messages().List(ctx, store.MessageQuery{
		Session: m.Session.ID, Chats: []string{chat}, Search: word, Page: store.Page{Limit: 10_000},
	})
	require.NoError(t, err)
	want := []string{}
	for _, msg := range m.inChats(chat) {
		if msg.Text == word {
			want = append(want, msg.ID)
		}
	}
	require.Equal(t, want, ids(found), "search %q in %q", word, chat)
}

func (m *Model) receiptsOf(key store.MessageKey) (list []store.Receipt) {
	for _, r := range m.receipts {
		if r.Key == key {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b store.Receipt) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.By, b.By), cmp.Compare(a.Status, b.Status))
	})
	return list
}

// byKeys are the values of a map in the order of its keys.
func byKeys[T any](m map[string]T) (list []T) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}

// without leaves out what is to go; nil when nothing is left, as lists are.
func without[T any](list []T, gone func(T) bool) []T {
	if list = slices.DeleteFunc(list, gone); len(list) == 0 {
		return nil
	}
	return list
}
