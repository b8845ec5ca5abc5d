package whatsapp

import (
	"context"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"
)

// maxHistory bounds one part of a history as it is downloaded, in bytes. Phones cut theirs into
// parts of a few MB; whatsmeow holds a part in memory three times, compressed, unpacked and read.
const maxHistory = 64 << 20

// history takes what the phone tells of the time before this device was linked. whatsmeow
// keeps the identities and names in it; conversations are not imported.
func (c *conn) history(e *events.Message) {
	n := e.Message.GetProtocolMessage().GetHistorySyncNotification()
	if n == nil || !e.Info.IsFromMe {
		return
	}
	c.work.Go(func() {
		select {
		case c.s.m.histories <- struct{}{}: // one at a time in the process: each is large, and they come many at once
			c.fetchHistory(n)
			<-c.s.m.histories
		case <-c.ctx.Done():
		}
	})
}

func (c *conn) fetchHistory(n *waE2E.HistorySyncNotification) {
	if n.GetFileLength() > maxHistory {
		c.s.log.Warn("history too large to read", zap.Stringer("type", n.GetSyncType()), zap.Uint64("bytes", n.GetFileLength()))
		return
	}
	if _, err := c.client.DownloadHistorySync(context.WithValue(c.ctx, historyKey{}, true), n, true); err != nil {
		c.s.log.Warn("history not read", zap.Stringer("type", n.GetSyncType()), zap.Error(err))
		return
	}
	if n.GetDirectPath() == "" { // it came inside the message
		return
	}
	if err := c.client.DeleteMedia(c.ctx, whatsmeow.MediaHistory, n.GetDirectPath(), n.GetFileEncSHA256(), n.GetEncHandle()); err != nil {
		c.s.log.Info("history not deleted from WhatsApp's server", zap.Error(err))
	}
}

// historyKey marks the context of reading a history.
type historyKey struct{}

// secrets is whatsmeow's store of message secrets, without those of a history: they belong to
// messages that are not stored, tens of thousands of them.
type secrets struct{ wastore.MsgSecretStore }

// PutMessageSecrets leaves out what comes from a history.
func (s secrets) PutMessageSecrets(ctx context.Context, inserts []wastore.MessageSecretInsert) error {
	if ctx.Value(historyKey{}) != nil {
		return nil
	}
	return s.MsgSecretStore.PutMessageSecrets(ctx, inserts)
}
