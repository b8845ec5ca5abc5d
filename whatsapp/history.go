package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// maxHistory bounds one part of a history as it is downloaded, in bytes. Phones cut theirs into
// parts of a few MB; whatsmeow holds a part in memory three times, compressed, unpacked and read.
const maxHistory = 64 << 20

// taskHistory is to read a part of the account's history.
const taskHistory = "history"

// historyTask is the task of reading what a message announces of the time before this device was
// linked; false when it announces nothing. It is kept with the message, and the phone gets its
// receipt when it is done. The task's payload is the message.
func historyTask(e *events.Message) (store.TaskChange, bool) {
	n := e.Message.GetProtocolMessage().GetHistorySyncNotification()
	if n == nil || !e.Info.IsFromMe {
		return store.TaskChange{}, false
	}
	payload, err := proto.Marshal(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{HistorySyncNotification: n}})
	if err != nil { // it was unmarshalled a moment ago
		return store.TaskChange{}, false
	}
	return store.TaskChange{Task: store.Task{
		ID: taskHistory + "/" + convert.CleanID(e.Info.ID), Kind: taskHistory, Payload: payload, Due: now(),
	}}, true
}

// readHistory reads a part of the history. whatsmeow keeps the identities and names in it;
// conversations are not imported.
func (c *conn) readHistory(ctx context.Context, t store.Task) (outcome, error) {
	var m waE2E.Message
	if err := proto.Unmarshal(t.Payload, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", errNever, err)
	}
	n := m.GetProtocolMessage().GetHistorySyncNotification()
	if n.GetFileLength() > maxHistory {
		return nil, fmt.Errorf("%w: a part of %d bytes", errNever, n.GetFileLength())
	}
	select {
	case c.s.m.histories <- struct{}{}: // one at a time in the process: each is large, and they come many at once
		defer func() { <-c.s.m.histories }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for other histories: %w", ctx.Err())
	}
	if err := c.download(ctx, n); err != nil {
		return nil, err
	}
	id := strings.TrimPrefix(t.ID, taskHistory+"/")
	if err := c.client.SendProtocolMessageReceipt(ctx, id, types.ReceiptTypeHistorySync); err != nil {
		return nil, fmt.Errorf("confirm history: %w", err)
	}
	if n.GetDirectPath() == "" { // it came inside the message
		return nil, nil
	}
	if err := c.client.DeleteMedia(ctx, whatsmeow.MediaHistory, n.GetDirectPath(), n.GetFileEncSHA256(), n.GetEncHandle()); err != nil {
		c.s.log.Info("history not deleted from WhatsApp's server", zap.Error(err))
	}
	return nil, nil
}

// download has whatsmeow read a part and keep what is in it. errNever: it is gone.
func (c *conn) download(ctx context.Context, n *waE2E.HistorySyncNotification) error {
	_, err := c.client.DownloadHistorySync(ctx, n, true)
	for _, gone := range []error{whatsmeow.ErrMediaDownloadFailedWith403, whatsmeow.ErrMediaDownloadFailedWith404, whatsmeow.ErrMediaDownloadFailedWith410} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%w: %w", errNever, err)
		}
	}
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	return nil
}
