package deliver

import (
	"context"
	"fmt"
	"strings"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// maxWaitingChats is how many chats that wait are named of a webhook.
const maxWaitingChats = 20

// waitsLong is after which time a chat that waits is a reason to say so.
const waitsLong = time.Minute

// WaitingChat is a chat whose events wait, since the first of them is not taken.
type WaitingChat struct {
	SessionID string
	Chat      string // as clients see it; empty: what is about no chat
	Since     time.Time
	LastError string
	Events    int64
}

// WaitingChats lists the chats whose events wait for a webhook since an attempt of the first of them has failed:
// those that began to wait first, at most 20.
func (h *Webhooks) WaitingChats(ctx context.Context, w store.Webhook) ([]WaitingChat, error) {
	heads, _, err := h.Store.Deliveries().List(ctx, store.DeliveryQuery{
		Webhook: w.ID, Status: store.DeliveryFailed, Oldest: true, Page: store.Page{Limit: maxWaitingChats},
	})
	if err != nil {
		return nil, fmt.Errorf("chats that wait: %w", err)
	}
	list := []WaitingChat{}
	for _, d := range heads {
		chat, err := h.shownChat(ctx, d)
		if err != nil {
			return nil, err
		}
		n, err := h.Store.Deliveries().CountLane(ctx, store.DeliveryLane{Webhook: w.ID, Session: d.SessionID, Chat: d.Chat, Replay: d.Replay})
		if err != nil {
			return nil, fmt.Errorf("chats that wait: %w", err)
		}
		since := d.Since
		if since.IsZero() { // somebody wants it tried again
			since = d.At
		}
		list = append(list, WaitingChat{SessionID: d.SessionID, Chat: chat, Since: since, LastError: d.Error, Events: n})
	}
	return list, nil
}

// shownChat is the id by which clients see the chat of a delivery, which is kept under its key.
func (h *Webhooks) shownChat(ctx context.Context, d store.Delivery) (string, error) {
	if d.Chat == "" || isGroup(d.Chat) {
		return d.Chat, nil
	}
	found, err := h.Store.Contacts().Get(ctx, d.SessionID, []string{d.Chat})
	if err != nil {
		return "", fmt.Errorf("chat that waits: %w", err)
	}
	if c, ok := found[d.Chat]; ok {
		return c.Address(), nil
	}
	return d.Chat, nil
}

// ReasonOf is why a webhook is as it is: what it was told last, or that chats wait for more than a minute.
func ReasonOf(w store.Webhook, waiting []WaitingChat) string {
	if w.Reason != "" {
		return w.Reason
	}
	var long []WaitingChat
	for _, c := range waiting {
		if service.Now().Sub(c.Since) > waitsLong {
			long = append(long, c)
		}
	}
	if len(long) == 0 {
		return ""
	}
	first := long[0]
	for _, c := range long {
		if c.Since.Before(first.Since) {
			first = c
		}
	}
	words := "1 chat waits"
	if len(long) > 1 {
		words = fmt.Sprintf("%d chats wait, one", len(long))
	}
	if len(long) == maxWaitingChats {
		words = strings.Replace(words, " chats", " chats or more", 1)
	}
	return fmt.Sprintf("%s since %s: %s", words, first.Since.Format(time.RFC3339), first.LastError)
}
