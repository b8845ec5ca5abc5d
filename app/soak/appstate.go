package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
)

// setting is what the owner's phone has set for a chat.
type setting struct{ archived, pinned, muted bool }

// settingChanges is how much is set before the server is killed over it.
const settingChanges = 8

// setChats has the phones of the accounts archive, pin and mute chats, and kills the server while
// it is told of that.
func (d *driver) setChats(ctx context.Context) error {
	progress("phones archive, pin and mute chats, and kill -9 of the server")
	for i := range settingChanges {
		if i == settingChanges/2 { // it is told of some, and finds the others when it comes back
			if err := d.killGateway(); err != nil {
				return err
			}
		}
		one := d.sessions[d.IntN(len(d.sessions))]
		chats, _ := d.ledger.known(one.id)
		chats = slices.DeleteFunc(chats, func(id string) bool { return id[0] != '+' }) // the sandbox's phones do this to persons only
		if len(chats) == 0 {
			continue
		}
		if err := d.setChat(ctx, one, chats[d.IntN(len(chats))]); err != nil {
			return err
		}
	}
	return d.gateway.start(ctx)
}

func (d *driver) setChat(ctx context.Context, of *session, chat string) error {
	k := chatKey{of.id, chat}
	now := d.settings[k]
	body := map[string]any{"to": chat}
	act := []string{"archive", "pin", "mute"}[d.IntN(3)]
	switch act {
	case "archive":
		now.archived = !now.archived
		now.pinned = now.pinned && !now.archived // what is put away is no longer on top
		body["on"] = now.archived
	case "pin":
		now.pinned = !now.pinned
		body["on"] = now.pinned
	case "mute":
		now.muted = !now.muted
		body["seconds"] = 0
		if now.muted {
			body["seconds"] = -1
		}
	}
	if err := d.world.do(ctx, of.phone, act, body); err != nil {
		return err
	}
	d.settings[k] = now
	return nil
}

// judgeSettings waits until every chat is as its owner's phone has set it, and notes those that do
// not become so.
func (s *soak) judgeSettings(ctx context.Context) error {
	progress("%s: the settings of %d chats are compared", s.store, len(s.settings))
	err := until(ctx, "chats are as the phones have set them", func(ctx context.Context) (bool, error) {
		var wrong []string
		for k, want := range s.settings {
			have, err := s.setting(ctx, k)
			if err != nil {
				return false, err
			}
			if have != want {
				wrong = append(wrong, fmt.Sprintf("%s with %s is %+v, not %+v", k.session, k.contact, have, want))
			}
		}
		if len(wrong) > 0 {
			return false, fmt.Errorf("%s", shown(wrong))
		}
		return true, nil
	})
	if err != nil && ctx.Err() == nil {
		s.ledger.violation("%v", err)
		return nil
	}
	return err
}

// setting finds how a chat is here. All chats of the soak are on one page.
func (s *soak) setting(ctx context.Context, k chatKey) (setting, error) {
	var page struct {
		Data []struct {
			ID         string  `json:"id"`
			Phone      *string `json:"phone"`
			Archived   bool    `json:"archived"`
			Pinned     bool    `json:"pinned"`
			MutedUntil *string `json:"mutedUntil"`
		} `json:"data"`
	}
	err := s.gateway.calls.do(ctx, "GET", "/api/v1/messages/sessions/"+url.PathEscape(k.session)+"/chats?limit=200", nil, &page)
	if err != nil {
		return setting{}, err
	}
	for _, c := range page.Data {
		if c.ID == k.contact || c.Phone != nil && *c.Phone == k.contact {
			return setting{c.Archived, c.Pinned, c.MutedUntil != nil}, nil
		}
	}
	return setting{}, fmt.Errorf("%s has no chat %s", k.session, k.contact)
}
