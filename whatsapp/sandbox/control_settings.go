package sandbox

import (
	"context"
	"fmt"
	"time"
)

func (c *control) settingRoutes() {
	c.set("/archive", "Archive a chat, or take it back", (*Phone).Archive)
	c.set("/pin", "Pin a chat, or no longer", (*Phone).Pin)
	c.set("/mark-read", "Mark a whole chat as read or as unread, for the account alone", (*Phone).MarkRead)
	acting(c, "/mute", "Mute a chat", mute)
	acting(c, "/star", "Star a message, or no longer", func(ctx context.Context, p *Phone, in starIn) (*none, error) {
		return done(p.Star(ctx, in.To, in.ID, in.On))
	})
	acting(c, "/delete-for-me", "Delete a message for the account alone", func(ctx context.Context, p *Phone, in messageIn) (*none, error) {
		return done(p.DeleteForMe(ctx, in.To, in.ID))
	})
	c.ofChat("/clear-chat", "Delete all messages of a chat for the account alone", (*Phone).ClearChat)
	c.ofChat("/delete-chat", "Delete a chat for the account alone", (*Phone).DeleteChat)
}

type setIn struct {
	To string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	On *bool  `json:"on,omitempty" doc:"true if it is left out"`
}

// set adds a route that turns something on or off for a chat.
func (c *control) set(path, summary string, do func(*Phone, context.Context, string, bool) error) {
	acting(c, path, summary, func(ctx context.Context, p *Phone, in setIn) (*none, error) {
		return done(do(p, ctx, in.To, in.On == nil || *in.On))
	})
}

// ofChat adds a route that needs nothing but the chat.
func (c *control) ofChat(path, summary string, do func(*Phone, context.Context, string) error) {
	acting(c, path, summary, func(ctx context.Context, p *Phone, in chatIn) (*none, error) {
		return done(do(p, ctx, in.To))
	})
}

type starIn struct {
	To string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID string `json:"id" doc:"Of the message"`
	On bool   `json:"on,omitempty"`
}

// longestMute is how many seconds a chat is muted at most, but for ever.
const longestMute = 100 * 365 * 24 * 60 * 60

type muteIn struct {
	To      string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	Seconds int    `json:"seconds,omitempty" doc:"0 lets it sound again; -1 is for ever"`
}

func mute(ctx context.Context, p *Phone, in muteIn) (*none, error) {
	if in.Seconds < -1 || in.Seconds > longestMute {
		return nil, fmt.Errorf("%w: seconds is between 0 and %d, or -1 for ever", ErrInvalid, longestMute)
	}
	during := time.Duration(in.Seconds) * time.Second
	if in.Seconds == -1 {
		during = Forever
	}
	return done(p.Mute(ctx, in.To, during))
}
