package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo"
	"whatsapp-api/store/sqlite"
)

const (
	pageChats   = 1000
	pageUnit    = 2000 // messages that are kept at once
	pageWords   = 2000 // different words in texts
	textWords   = 8
	pageSession = "s1"
	bigChat     = 0 // has a tenth of all messages
)

// runPages measures pages of chats and messages, as HTTP answers them, with few and with many
// messages stored in a session.
func runPages(ctx context.Context, o options, w *world, dir string, t *table) (err error) {
	if !o.has("pages") {
		return nil
	}
	var all []*shelf
	for _, messages := range []int{10_000, choose(o, 30_000, 1_000_000)} {
		for _, name := range o.stores {
			at, end, err := openPlace(dir, name, fmt.Sprintf("pages-%d", messages))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, end()) }()
			progress("storing %d messages on %s", messages, name)
			if err := fill(ctx, at, messages); err != nil {
				return err
			}
			g, err := openGateway(ctx, w, at)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, g.close()) }()
			s := &shelf{gateway: g, messages: messages}
			if err := s.look(ctx); err != nil {
				return err
			}
			all = append(all, s)
		}
	}
	stop, err := profiles(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for round := range o.rounds {
		for i := range all {
			s := all[(i+round)%len(all)]
			progress("round %d of %d: pages of %d messages, %s", round+1, o.rounds, s.messages, s.name())
			if err := s.measure(ctx, choose(o, 40, 200), t); err != nil {
				return err
			}
		}
	}
	return nil
}

func openStore(ctx context.Context, at storeAt) (store.Store, error) {
	if at.MongoURI != "" {
		return mongo.Open(ctx, mongo.Config{URI: at.MongoURI, Timeout: time.Minute})
	}
	return sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(at.Dir, "sandbox", "whatsapp-api.db")})
}

// fill keeps a session with its chats and messages, in large units.
func fill(ctx context.Context, at storeAt, messages int) (err error) {
	if err := createAdmin(ctx, at); err != nil {
		return err
	}
	st, err := openStore(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := st.Sessions().Create(ctx, store.Session{ID: pageSession, Name: pageSession, State: "stopped", Desired: store.DesiredStopped}); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < messages; n += pageUnit {
		u := store.Unit{Session: pageSession}
		for i := n; i < min(n+pageUnit, messages); i++ {
			u.Messages = append(u.Messages, message(random, i))
		}
		if n == 0 {
			u.Contacts, u.Chats = people()
		}
		if _, err := st.Log().Commit(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// people are those of all chats, which were last active in some order.
func people() (contacts []store.ContactUpdate, chats []store.ChatUpdate) {
	for c := range pageChats {
		id, name := chatID(c), fmt.Sprintf("Person %d", c)
		contacts = append(contacts, store.ContactUpdate{ID: id, Phone: id, Name: name})
		chats = append(chats, store.ChatUpdate{ID: id, Kind: store.ChatPerson, Name: name, AddUnread: 1, ActivityAt: moment(7 * c % pageChats)})
	}
	return contacts, chats
}

func chatID(n int) string { return fmt.Sprintf("346%08d@s.whatsapp.net", n) }

func moment(n int) time.Time { return time.UnixMilli(1_700_000_000_000 + int64(n)*1000).UTC() }

func word(n int) string { return fmt.Sprintf("w%dord", n) }

func message(random *rand.Rand, n int) store.Message {
	chat := bigChat
	if n%10 != 0 {
		chat = 1 + random.IntN(pageChats-1)
	}
	words := make([]string, textWords)
	for i := range words {
		words[i] = word(random.IntN(pageWords))
	}
	id := chatID(chat)
	return store.Message{
		SessionID: pageSession, MessageKey: store.MessageKey{Chat: id, Sender: id, ID: fmt.Sprintf("3EB0%012X", n)},
		Type: "text", Text: strings.Join(words, " "), Status: store.StatusReceived, Timestamp: moment(n), StoredAt: moment(n), Raw: make([]byte, 100),
	}
}

// shelf is a server with so many messages.
type shelf struct {
	*gateway
	messages int
	deep     []string // paths of pages from all over the big chat
	chats    string   // path of a page far down the list of chats
}

func messagesOf(chat int) string {
	return "/api/v1/messages/sessions/" + pageSession + "/chats/" + url.PathEscape(chatID(chat)) + "/messages?"
}

const chatsPath = "/api/v1/messages/sessions/" + pageSession + "/chats?"

// look finds the cursors of deep pages.
func (s *shelf) look(ctx context.Context) error {
	var page struct {
		Next string `json:"nextCursor"`
	}
	for i := range 20 {
		from := moment(s.messages * (i + 1) / 21).Format(time.RFC3339)
		if err := s.calls.do(ctx, "GET", messagesOf(bigChat)+"limit=1&before="+url.QueryEscape(from), nil, &page); err != nil {
			return err
		}
		s.deep = append(s.deep, messagesOf(bigChat)+"cursor="+url.QueryEscape(page.Next))
	}
	s.chats = chatsPath + "limit=200"
	for range 4 {
		if err := s.calls.do(ctx, "GET", s.chats, nil, &page); err != nil {
			return err
		}
		s.chats = chatsPath + "limit=200&cursor=" + url.QueryEscape(page.Next)
	}
	s.chats = strings.Replace(s.chats, "limit=200&", "", 1)
	return nil
}

func (s *shelf) measure(ctx context.Context, times int, t *table) error {
	for _, page := range []struct {
		what string
		path func(i int) string
	}{
		{"chats, first page", func(int) string { return chatsPath }},
		{"chats, deep page", func(int) string { return s.chats }},
		{"chats, search", func(i int) string { return chatsPath + "search=person+" + fmt.Sprint(i%pageChats) }},
		{"messages, first page", func(i int) string { return messagesOf(i % 2 * i) }}, // of the big chat, and of others
		{"messages, deep page", func(i int) string { return s.deep[i%len(s.deep)] }},
		{"messages, search", func(i int) string { return messagesOf(bigChat) + "search=" + word(7*i%pageWords) }},
	} {
		took := make([]time.Duration, times)
		for i := range took {
			began := time.Now()
			if _, err := s.calls.text(ctx, page.path(i)); err != nil {
				return err
			}
			took[i] = time.Since(began)
		}
		sorted := milliseconds(took)
		what := fmt.Sprintf("%s, of %d messages", page.what, s.messages)
		t.add(what+", p50 ms", s.name(), at(sorted, 0.5), difference)
		t.add(what+", p99 ms", s.name(), at(sorted, 0.99), difference)
	}
	return nil
}
