package sandbox

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"
)

// Forever is how long Mute mutes a chat that is to stay muted.
const Forever time.Duration = -1

// Archive puts the chat with another phone away, or back, for all devices of the account.
func (p *Phone) Archive(ctx context.Context, chat string, archived bool) error {
	return p.setChat(ctx, chat, func(jid types.JID) appstate.PatchInfo {
		return appstate.BuildArchive(jid, archived, p.server.now(), nil)
	})
}

// Pin keeps the chat with another phone at the top of the list, or no longer.
func (p *Phone) Pin(ctx context.Context, chat string, pinned bool) error {
	return p.setChat(ctx, chat, func(jid types.JID) appstate.PatchInfo { return appstate.BuildPin(jid, pinned) })
}

// Mute silences the chat with another phone for a while, or Forever; 0 lets it sound again.
func (p *Phone) Mute(ctx context.Context, chat string, during time.Duration) error {
	return p.setChat(ctx, chat, func(jid types.JID) appstate.PatchInfo {
		if during != Forever && during != 0 {
			until := p.server.now().Add(during).UnixMilli()
			return appstate.BuildMuteAbs(jid, true, &until)
		}
		return appstate.BuildMuteAbs(jid, during == Forever, nil)
	})
}

// MarkRead marks the whole chat with another phone as read or as unread. Nobody but the account's
// own devices learns of it.
func (p *Phone) MarkRead(ctx context.Context, chat string, read bool) error {
	return p.setChat(ctx, chat, func(jid types.JID) appstate.PatchInfo {
		return appstate.BuildMarkChatAsRead(jid, read, p.server.now(), nil)
	})
}

// setChat writes what the person set for a chat into the account's app state, under the hidden
// identity, as phones do.
func (p *Phone) setChat(ctx context.Context, chat string, patch func(types.JID) appstate.PatchInfo) error {
	other, err := p.server.accountOf(chat)
	if err != nil {
		return err
	}
	p.mu.Lock()
	c := p.begin()
	err = p.writeAppState(c, patch(other.lidJID(0)), nil)
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("set chat: %w", err)
	}
	return c.wait(ctx)
}
