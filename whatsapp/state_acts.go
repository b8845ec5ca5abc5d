package whatsapp

import (
	"fmt"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/whatsapp/convert"
)

// onStar takes over that a message was starred on another of the account's devices, or no longer is.
// One that comes before its message waits for it.
func (c *conn) onStar(e *events.Star) error {
	return c.onStateAct(e.ChatJID, e.SenderJID, stateAct{
		Kind: convert.ActStar, Target: e.MessageID, Mine: e.IsFromMe, On: e.Action.GetStarred(), At: e.Timestamp.UnixMilli(),
	})
}

// onStateAct applies what the account did to a message on another of its devices, which came as app
// state.
func (c *conn) onStateAct(in, author types.JID, s stateAct) error {
	if in.IsEmpty() || s.Target == "" {
		return c.dev.Flush(c.ctx)
	}
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	actors := []someone{{jid: in}}
	if !s.Mine && convert.IsPerson(convert.Plain(author)) {
		s.Author = convert.Plain(author).String()
		actors = append(actors, someone{jid: author})
	}
	if err := d.meet(c.ctx, actors); err != nil {
		return err
	}
	chat, _ := d.place(in)
	id := fmt.Sprintf("%s-%d-%s-%s", s.Kind, s.At, s.Target, s.Author)
	a := deed{Act: s.act(), chat: chat, actor: d.me(), id: convert.CleanID(id), fromMe: true, at: now()}
	done, err := d.act(c.ctx, a)
	if err != nil {
		return err
	}
	if !done {
		d.wait(a, waitingAct{State: &s})
	}
	if d.unit.Empty() {
		return c.dev.Flush(c.ctx)
	}
	return d.commit(c.ctx)
}
