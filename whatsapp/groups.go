package whatsapp

import (
	"go.mau.fi/whatsmeow/types/events"
)

// onGroupInfo takes note of what changed in a group.
func (c *conn) onGroupInfo(e *events.GroupInfo) error {
	group := e.JID.ToNonAD()
	if len(e.Join)+len(e.Leave) > 0 {
		c.members.changed(group)
	}
	return c.dev.Flush(c.ctx)
}
