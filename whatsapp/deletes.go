package whatsapp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// taskDelete is to delete what the account has deleted for itself on another of its devices.
const taskDelete = "delete"

// deletion is the payload of such a task: a message, or all of a chat up to a time.
type deletion struct {
	Chat   string `json:"chat"`             // key
	Sender string `json:"sender,omitempty"` // key
	ID     string `json:"id,omitempty"`     // of the message; empty: all of the chat

	UpTo    int64 `json:"upTo,omitempty"` // Unix milliseconds; what is later stays
	Starred bool  `json:"starred,omitempty"`
	Whole   bool  `json:"whole,omitempty"` // the chat too, if nothing is left in it
	At      int64 `json:"at"`              // when it was done; Unix milliseconds
}

// deletePage is how many messages are deleted at once.
const deletePage = 200

// task is the task of a deletion.
func (x deletion) task() store.Task {
	payload, err := json.Marshal(x)
	if err != nil { // plain values
		panic(fmt.Sprintf("whatsapp: %v", err))
	}
	name := fmt.Sprintf("%s/%x/%x/%x/%d", taskDelete, x.Chat, x.Sender, x.ID, x.At)
	return store.Task{ID: name, Kind: taskDelete, Payload: payload, Due: now()}
}

// delete has a message deleted that the account has deleted for itself.
func (d *draft) delete(a deed, m store.Message) {
	x := deletion{Chat: m.Chat, Sender: m.Sender, ID: m.ID, At: a.At}
	d.unit.Tasks = append(d.unit.Tasks, store.TaskChange{Task: x.task()})
	d.tasks = true
}

// onDeleteForMe takes over that a message was deleted for the account alone.
func (c *conn) onDeleteForMe(e *events.DeleteForMe) error {
	return c.onStateAct(e.ChatJID, e.SenderJID, stateAct{
		Kind: convert.ActDelete, Target: e.MessageID, Mine: e.IsFromMe, At: e.Timestamp.UnixMilli(),
	})
}

// onAppState takes note that app state was told, and takes over what whatsmeow tells in no other way:
// that a chat was cleared, and whether of its starred messages too.
func (c *conn) onAppState(e *events.AppState) error {
	c.toldAt.Store(time.Now().UnixMilli())
	if len(e.Index) < 2 || e.Index[0] != appstate.IndexClearChat {
		return nil
	}
	chat, err := types.ParseJID(e.Index[1])
	if err != nil {
		return fmt.Errorf("chat that was cleared: %w", err)
	}
	return c.onDeletion(chat, deletion{
		UpTo:    e.GetClearChatAction().GetMessageRange().GetLastMessageTimestamp(),
		Starred: len(e.Index) < 3 || e.Index[2] != "0", At: e.GetTimestamp(),
	})
}

// onDeleteChat takes over that a chat was deleted.
func (c *conn) onDeleteChat(e *events.DeleteChat) error {
	return c.onDeletion(e.JID, deletion{
		UpTo: e.Action.GetMessageRange().GetLastMessageTimestamp(), Starred: true, Whole: true, At: e.Timestamp.UnixMilli(),
	})
}

// onDeletion has messages of a chat deleted, if there is one. UpTo is as WhatsApp writes it: the
// seconds of the last message, 0 when it is not said.
func (c *conn) onDeletion(chat types.JID, x deletion) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	if err := d.meet(c.ctx, []someone{{jid: chat}}); err != nil {
		return err
	}
	x.Chat, _ = d.place(chat)
	present := now()
	x.At = within(x.At, present)
	if x.UpTo = within(convert.Millis(x.UpTo)+999, present); x.UpTo == 999 {
		x.UpTo = x.At
	}
	_, there, err := d.chat(c.ctx, x.Chat)
	if err != nil {
		return err
	}
	if there {
		d.unit.Tasks = append(d.unit.Tasks, store.TaskChange{Task: x.task()})
		d.tasks = true
	}
	if d.unit.Empty() {
		return c.dev.Flush(c.ctx)
	}
	return d.commit(c.ctx)
}

// deleteNow deletes what a task says, and then has it told.
func (c *conn) deleteNow(ctx context.Context, t store.Task) (outcome, error) {
	var x deletion
	if err := json.Unmarshal(t.Payload, &x); err != nil {
		return nil, fmt.Errorf("%w: %w", errNever, err)
	}
	if x.ID != "" {
		key := store.MessageKey{Chat: x.Chat, Sender: x.Sender, ID: x.ID}
		if _, err := c.s.m.cfg.Store.Messages().Delete(ctx, c.s.id, []store.MessageKey{key}); err != nil {
			return nil, fmt.Errorf("delete message: %w", err)
		}
		c.s.recent.drop(key)
		return func(ctx context.Context, d *draft) error { return d.deleted(ctx, x) }, nil
	}
	if err := c.clear(ctx, x); err != nil {
		return nil, err
	}
	return func(ctx context.Context, d *draft) error { return d.deleted(ctx, x) }, nil
}

// clear deletes the messages of a chat.
func (c *conn) clear(ctx context.Context, x deletion) error {
	chat, err := c.s.m.cfg.Store.Chats().Get(ctx, c.s.id, x.Chat)
	if err != nil {
		return fmt.Errorf("read chat: %w", err)
	}
	cursor := ""
	for {
		list, next, err := c.s.m.cfg.Store.Messages().List(ctx, store.MessageQuery{
			Session: c.s.id, Chats: chat.Keys(), Before: time.UnixMilli(x.UpTo + 1), Page: store.Page{Limit: deletePage, Cursor: cursor},
		})
		if err != nil {
			return fmt.Errorf("list messages of a chat: %w", err)
		}
		var keys []store.MessageKey
		for _, m := range list {
			if x.Starred || m.Live == nil || m.Live.Starred == nil || !m.Live.Starred.On {
				keys = append(keys, m.MessageKey)
				c.s.recent.drop(m.MessageKey)
			}
		}
		if _, err := c.s.m.cfg.Store.Messages().Delete(ctx, c.s.id, keys); err != nil {
			return fmt.Errorf("delete messages: %w", err)
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}

// deleted tells what was deleted, and has the chat show what is left in it.
func (d *draft) deleted(ctx context.Context, x deletion) error {
	chat, there, err := d.chat(ctx, x.Chat)
	if err != nil {
		return err
	}
	people, err := d.s.PeopleOf(ctx, x.Chat, cmp.Or(x.Sender, x.Chat))
	if err != nil {
		return err
	}
	id, at := convert.AddressOf(x.Chat, people).ID, convert.Time(time.UnixMilli(x.At).UTC())
	why := strings.Join([]string{x.Chat, x.Sender, x.ID, fmt.Sprint(x.At)}, "\x00")
	switch {
	case x.ID != "":
		from := convert.AddressOf(x.Sender, people)
		if err := d.meet(ctx, nil); err != nil {
			return err
		}
		d.event(EventMessageDeleted, why, DeletedData{
			Acted:     Acted{ChatID: id, MessageID: x.ID, MessageFrom: &from, MessageFromMe: d.isOf(x.Sender, d.me())},
			Timestamp: at,
		})
	case x.Whole && there && chat.LastMessage == nil:
		d.unit.Chats = append(d.unit.Chats, store.ChatUpdate{ID: x.Chat, Gone: true})
		d.s.timers.Remove(x.Chat)
		d.event(EventChatDeleted, why, ChatClearedData{ChatID: id, UpTo: convert.Time(time.UnixMilli(x.UpTo).UTC()), Timestamp: at})
		return nil
	default:
		d.event(EventChatCleared, why, ChatClearedData{ChatID: id, UpTo: convert.Time(time.UnixMilli(x.UpTo).UTC()), Timestamp: at})
	}
	if !there {
		return nil
	}
	left, err := d.s.m.cfg.Store.Messages().Unread(ctx, d.s.id, chat.Keys(), chat.ReadUpTo, math.MaxInt64)
	if err != nil {
		return fmt.Errorf("count unread messages: %w", err)
	}
	if left >= chat.Unread {
		return nil
	}
	return d.changed(chat, chat.Kind, store.ChatUpdate{ClearRead: true, AddUnread: left})
}
