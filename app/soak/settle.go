package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// settle lets everything come to rest after the storm, kills the server a last time, so that
// only what was kept counts, and lets the clients catch up.
func (s *soak) settle(ctx context.Context) error {
	progress("%s: the storm is over; letting everything arrive", s.store)
	if err := errors.Join(s.world.clear(ctx), s.gateway.awaitState(ctx, connected, len(s.sessions))); err != nil {
		return err
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	progress("%s: a last kill -9, and the clients catch up", s.store)
	if err := s.killGateway(); err != nil {
		return err
	}
	if err := s.gateway.start(ctx); err != nil {
		return err
	}
	if err := s.gateway.awaitState(ctx, connected, len(s.sessions)); err != nil {
		return err
	}
	return s.drain(ctx)
}

// drain waits until nothing waits at WhatsApp and every client has every event, or until
// nothing has moved for as long as patience: what is missing then is lost.
func (s *soak) drain(ctx context.Context) error {
	before, moved := "", time.Now()
	for time.Since(moved) < patience/2 {
		done, now, err := s.drained(ctx)
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		if now != before {
			before, moved = now, time.Now()
		}
		if !pause(ctx, 250*time.Millisecond) {
			return ctx.Err()
		}
	}
	progress("%s: nothing moves any more: %s", s.store, before)
	return nil
}

// drained says whether everything has arrived, and where it stands.
func (s *soak) drained(ctx context.Context) (bool, string, error) {
	stats, err := s.world.stats(ctx)
	if err != nil {
		return false, "", err
	}
	done := stats.AcksOutstanding == 0
	now := fmt.Sprintf("%d wait at WhatsApp", stats.AcksOutstanding)
	for _, one := range s.sessions {
		last, err := s.gateway.lastSeq(ctx, one.id)
		if err != nil {
			return false, "", err
		}
		now += fmt.Sprintf("; %s has %d events", one.id, last)
		for _, p := range s.places {
			have := p.count(one.id)
			done = done && have >= last
			now += fmt.Sprintf(", %s %d", p.name, have)
		}
	}
	return done, now, s.hurryWebhook(ctx)
}

// hurryWebhook sets a webhook going again whose endpoint was found failing: it would be
// tried by itself, but not soon.
func (s *soak) hurryWebhook(ctx context.Context) error {
	var hook struct {
		State string `json:"state"`
	}
	if err := s.gateway.calls.do(ctx, "GET", "/api/v1/webhooks/"+s.hook, nil, &hook); err != nil || hook.State == "active" {
		return err
	}
	return s.gateway.calls.do(ctx, "POST", "/api/v1/webhooks/"+s.hook+"/resume", nil, nil)
}

// compare draws the balance of the ledger.
func (s *soak) compare(ctx context.Context, r *report) error {
	if err := errors.Join(s.judgeSettings(ctx), s.readReceipts(ctx), s.auditStore(ctx)); err != nil {
		return err
	}
	log := newPlace("log", true)
	log.stranger = s.stranger
	for _, one := range s.sessions {
		if err := s.readLog(ctx, one.id, log); err != nil {
			return err
		}
	}
	row := newRow(s)
	logged := judgeEvents(log, log)
	logged.add(judgeMessages(log, s.ledger))
	stored, err := s.judgeStore(ctx)
	if err != nil {
		return err
	}
	stored.add(logged)
	row.set("store", stored)
	for _, p := range s.places {
		t := judgeEvents(p, log)
		t.add(judgeMessages(p, s.ledger))
		t.add(judgeRepeats(p, s.ledger))
		row.set(p.name, t)
	}
	contacts, err := s.judgeContacts(ctx)
	if err != nil {
		return err
	}
	row.set("contact", contacts)
	r.add(row)
	return row.verdict()
}

// readLog reads a session's events from the beginning.
func (s *soak) readLog(ctx context.Context, session string, log *place) error {
	for after := int64(0); ; {
		var page struct {
			Data    []envelope `json:"data"`
			LastSeq int64      `json:"lastSeq"`
			More    bool       `json:"more"`
		}
		path := fmt.Sprintf("/api/v1/sessions/%s/events?after=%d&limit=200", session, after)
		if err := s.gateway.calls.do(ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, e := range page.Data {
			if err := log.take(e); err != nil {
				return err
			}
		}
		if after = page.LastSeq; !page.More {
			return nil
		}
	}
}

func (s *soak) judgeStore(ctx context.Context) (t tally, err error) {
	for k, c := range s.ledger.chats {
		var stored []message
		err := s.gateway.messages(ctx, k.session, k.contact, func(page []message) bool {
			stored = append(stored, page...)
			return true
		})
		if err != nil {
			return t, err
		}
		for i, j := 0, len(stored)-1; i < j; i, j = i+1, j-1 { // oldest first
			stored[i], stored[j] = stored[j], stored[i]
		}
		t.add(judgeStored(k, c, stored))
	}
	return t, nil
}

// judgeContacts looks at what the contacts have got.
func (s *soak) judgeContacts(ctx context.Context) (t tally, err error) {
	for _, c := range s.contacts {
		got, err := s.world.received(ctx, c.phone)
		if err != nil {
			return t, err
		}
		for _, one := range s.sessions {
			var texts []string
			for _, m := range got {
				if m.From == one.phone {
					texts = append(texts, m.Text)
				}
			}
			k := chatKey{one.id, c.phone}
			if chat := s.ledger.chats[k]; chat != nil {
				t.add(judgeContact(k, chat, texts))
			}
		}
	}
	return t, nil
}
