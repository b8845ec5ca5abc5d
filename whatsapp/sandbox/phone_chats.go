package sandbox

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
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

// Star marks a message of a chat, of another phone or a group, or takes the mark off, for all
// devices of the account.
func (p *Phone) Star(ctx context.Context, chat, messageID string, on bool) error {
	return p.setMessage(ctx, chat, messageID, func(in types.JID, author types.JID, t target) appstate.PatchInfo {
		return appstate.BuildStar(in, author, t.id, t.mine, on)
	})
}

// DeleteForMe deletes a message of a chat for the account alone, on all its devices.
func (p *Phone) DeleteForMe(ctx context.Context, chat, messageID string) error {
	return p.setMessage(ctx, chat, messageID, func(in types.JID, author types.JID, t target) appstate.PatchInfo {
		mine, by := "0", author.String()
		if t.mine {
			mine = "1"
		}
		if t.mine || t.chat.group == nil {
			by = "0"
		}
		return removal([]string{appstate.IndexDeleteMessageForMe, in.String(), t.id, mine, by}, 3, &waSyncAction.SyncActionValue{
			DeleteMessageForMeAction: &waSyncAction.DeleteMessageForMeAction{DeleteMedia: proto.Bool(true)},
		})
	})
}

// ClearChat deletes all messages of a chat for the account alone, on all its devices.
func (p *Phone) ClearChat(ctx context.Context, chat string) error {
	return p.setChat(ctx, chat, func(jid types.JID) appstate.PatchInfo {
		return removal([]string{appstate.IndexClearChat, jid.String(), "1", "0"}, 6, &waSyncAction.SyncActionValue{
			ClearChatAction: &waSyncAction.ClearChatAction{MessageRange: &waSyncAction.SyncActionMessageRange{
				LastMessageTimestamp: proto.Int64(p.server.now().Unix()),
			}},
		})
	})
}

// DeleteChat deletes a chat with all its messages for the account alone, on all its devices.
func (p *Phone) DeleteChat(ctx context.Context, chat string) error {
	return p.setChat(ctx, chat, func(jid types.JID) appstate.PatchInfo {
		return appstate.BuildDeleteChat(jid, p.server.now(), nil, true)
	})
}

// removal is a change of the collection in which phones write what they delete.
func removal(index []string, version int32, value *waSyncAction.SyncActionValue) appstate.PatchInfo {
	return appstate.PatchInfo{Type: appstate.WAPatchRegularHigh, Mutations: []appstate.MutationInfo{{Index: index, Version: version, Value: value}}}
}

// setChat writes what the person set for a chat into the account's app state, under the hidden
// identity of another account, as phones do.
func (p *Phone) setChat(ctx context.Context, chat string, patch func(types.JID) appstate.PatchInfo) error {
	in, err := p.chat(chat)
	if err != nil {
		return err
	}
	return p.setState(ctx, func() (appstate.PatchInfo, error) {
		return patch(in.address()), nil
	})
}

// setMessage is the same of one message.
func (p *Phone) setMessage(ctx context.Context, chat, id string, patch func(in, author types.JID, t target) appstate.PatchInfo) error {
	in, err := p.chat(chat)
	if err != nil {
		return err
	}
	return p.setState(ctx, func() (appstate.PatchInfo, error) {
		t, err := p.target(id, in)
		if err != nil {
			return appstate.PatchInfo{}, err
		}
		return patch(in.address(), t.by(t.author), t), nil
	})
}

func (p *Phone) setState(ctx context.Context, patch func() (appstate.PatchInfo, error)) error {
	p.mu.Lock()
	c := p.begin()
	made, err := patch()
	if err == nil {
		err = p.writeAppState(c, made, nil)
	}
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("set chat: %w", err)
	}
	return c.wait(ctx)
}
