package whatsapp

import (
	"context"
	"encoding/json"
	"fmt"

	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// taskIdentity is to ask WhatsApp whose a phone number is now.
const taskIdentity = "identity"

// doubted is the payload of such a task: a pairing that a stanza told, and that contradicts a known one.
type doubted struct {
	Phone string `json:"phone"`
	LID   string `json:"lid"`
}

// doubt has WhatsApp asked about a pairing, once while it is remembered.
func (d *draft) doubt(p pair) {
	if asked, _ := d.s.doubts.ContainsOrAdd(p, struct{}{}); asked {
		return
	}
	payload, err := json.Marshal(doubted{p.phone, p.lid})
	if err != nil { // two texts
		panic(fmt.Sprintf("whatsapp: %v", err))
	}
	d.unit.Tasks = append(d.unit.Tasks, store.TaskChange{Task: store.Task{
		ID: taskIdentity + "/" + p.phone + "/" + p.lid, Kind: taskIdentity, Payload: payload, Due: now(),
	}})
	d.tasks = true
}

// askIdentity asks WhatsApp whose a number is, and believes the answer.
func (c *conn) askIdentity(ctx context.Context, t store.Task) (outcome, error) {
	var q doubted
	if err := json.Unmarshal(t.Payload, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", errNever, err)
	}
	phone, err := types.ParseJID(q.Phone)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNever, err)
	}
	answer, err := c.client.GetUserInfo(ctx, []types.JID{phone})
	if err != nil {
		return nil, fmt.Errorf("ask whose a number is: %w", err)
	}
	lid := answer[phone].LID.ToNonAD()
	if lid.Server != types.HiddenUserServer {
		c.s.log.Info("WhatsApp does not say whose a number is; what is known stays")
		return nil, nil
	}
	return func(ctx context.Context, d *draft) error { return d.believe(ctx, phone, lid) }, nil
}

// believe makes a number that of whoever WhatsApp says has this LID. Whoever had it before keeps
// their chat, and is shown by their LID.
func (d *draft) believe(ctx context.Context, phone, lid types.JID) error {
	if err := d.meetMe(); err != nil {
		return err
	}
	if d.isMe(phone) || d.isMe(lid) {
		return nil
	}
	found, err := d.s.find(ctx, []string{phone.String(), lid.String()})
	if err != nil {
		return err
	}
	owner, known := found[lid.String()]
	before, had := found[phone.String()]
	if !known || owner.Phone == phone.String() {
		return nil
	}
	d.joins = true // what is remembered of the two is so no longer
	if had && before.ID != owner.ID && before.Phone == phone.String() {
		after := before
		after.Phone = ""
		d.mapped(before.Address(), after)
		if err := d.showChat(ctx, after); err != nil {
			return err
		}
	}
	after := owner
	after.Phone = phone.String()
	d.know(after)
	d.s.log.Info("a phone number is somebody else's now", zap.String("contact", owner.ID))
	return d.learn(ctx, owner, after, true)
}

// showChat has the chat with a person, where there is one, show them as they are.
func (d *draft) showChat(ctx context.Context, p store.Contact) error {
	_, there, err := d.chat(ctx, p.ID)
	if err == nil && there {
		d.unit.Chats = append(d.unit.Chats, shownAs(p))
	}
	return err
}

// shownAs has the chat with a person show their name, and be found by their number.
func shownAs(p store.Contact) store.ChatUpdate {
	return store.ChatUpdate{ID: p.ID, Kind: store.ChatPerson, Name: convert.DisplayName(p), Phone: &p.Phone}
}
