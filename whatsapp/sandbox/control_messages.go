package sandbox

import (
	"context"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

func (c *control) messageRoutes() {
	get(c, "/phones/{phone}/messages", "What the phone has got", follow(c, (*Phone).WaitMessages))
	get(c, "/phones/{phone}/receipts", "What the phone learned about its messages", follow(c, (*Phone).WaitReceipts))
	get(c, "/phones/{phone}/typing", "What others were doing in their chats with the phone", follow(c, (*Phone).WaitTyping))
	get(c, "/phones/{phone}/sent", "What the phone has sent itself", follow(c, (*Phone).WaitSent))
	get(c, "/phones/{phone}/chats", "All chats of the phone, the newest first", c.getChats)
	create(c, "/phones/{phone}/messages", "Send messages", onPhone(c, sendMessages))
	acting(c, "/receipts", "Send a receipt made by hand", sendReceipt)
}

func (c *control) getChats(_ context.Context, in *ofPhone) (*out[list[Chat]], error) {
	p, err := c.Phone(in.Phone)
	if err != nil {
		return nil, err
	}
	return reply(list[Chat]{Data: p.Chats()}), nil
}

// sentOut names what was sent: id, or ids if there are several.
type sentOut struct {
	ID  string   `json:"id,omitempty"`
	IDs []string `json:"ids,omitempty" doc:"Instead of id, if count is more than one"`
}

func created(id string, err error) (*out[sentOut], error) { return &out[sentOut]{sentOut{ID: id}}, err }

func sendMessages(ctx context.Context, p *Phone, in Outgoing) (*out[sentOut], error) {
	ids, err := p.Send(ctx, in)
	switch {
	case err != nil:
		return nil, err
	case in.Count > 1:
		return reply(sentOut{IDs: ids}), nil
	default:
		return created(ids[0], nil)
	}
}

type receiptIn struct {
	To    string             `json:"to" doc:"Phone number"`
	Type  string             `json:"type,omitempty" doc:"Nothing is delivered"`
	IDs   []string           `json:"ids" doc:"Messages, which need not exist"`
	Attrs map[string]*string `json:"attrs,omitempty" doc:"Further attributes of the stanza; null leaves one out; what is an address is sent as one"`
}

func sendReceipt(ctx context.Context, p *Phone, in receiptIn) (*none, error) {
	more := map[string]any{}
	for name, value := range in.Attrs {
		switch {
		case value == nil:
			more[name] = nil
		case strings.Contains(*value, "@"):
			jid, err := types.ParseJID(*value)
			if err != nil {
				return nil, fmt.Errorf("%w: %s is no address: %w", ErrInvalid, name, err)
			}
			more[name] = jid
		default:
			more[name] = *value
		}
	}
	return done(p.Receipt(ctx, in.To, in.Type, in.IDs, more))
}
