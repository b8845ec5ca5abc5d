package whatsapp

import (
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"
)

// history takes what the phone tells of the time before this device was linked. whatsmeow
// keeps the identities, names and secrets in it; conversations are not imported.
func (c *conn) history(e *events.Message) {
	n := e.Message.GetProtocolMessage().GetHistorySyncNotification()
	if n == nil || !e.Info.IsFromMe {
		return
	}
	c.work.Go(func() { c.fetchHistory(n) })
}

func (c *conn) fetchHistory(n *waE2E.HistorySyncNotification) {
	if _, err := c.client.DownloadHistorySync(c.ctx, n, true); err != nil {
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
