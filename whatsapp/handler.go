package whatsapp

import (
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// Signals to the loop.
type (
	notKept        struct{ err error }
	gotCodes       struct{ codes []string }
	gotPaired      struct{ id, lid types.JID }
	pairFailed     struct{ err error }
	askedReconnect struct{} // WhatsApp wants the new device to log in now
	loggedIn       struct{}
	lostConnection struct{}
	loggedOut      struct{ reason string }
	replaced       struct{}
	outdated       struct{}
	tempBanned     struct {
		code int
		wait time.Duration
	}
	refusedLogin struct{ code int }
	streamFault  struct{ code string }
	pingMissed   struct{}
	pingAnswered struct{}
	renamed      struct{ name string }
)

// dispatch is the one switch over whatsmeow's events: one line each. What changes what is
// stored returns an error when it was not kept; what concerns the connection goes to the loop.
func (c *conn) dispatch(event any) error {
	switch e := event.(type) {
	case *events.Message:
		return c.onMessage(e)
	case *events.Receipt:
		return c.onReceipt(e)
	}
	// What else comes may look at the messages before it, which are still being kept.
	if err := c.dev.Settled(c.ctx); err != nil {
		return err
	}
	if c.refuse.Load() {
		return errHeld
	}
	switch e := event.(type) {
	case *events.UndecryptableMessage:
		return c.onUndecryptable(e)
	case *events.GroupInfo:
		return c.onGroupInfo(e)
	case *events.JoinedGroup:
		return c.onJoinedGroup(e)
	case *events.Picture:
		return c.onPicture(e)
	case *events.Contact:
		return c.onContact(e)
	case *events.PushName:
		return c.onPushName(e)
	case *events.BusinessName:
		return c.onBusinessName(e)
	case *events.Archive:
		return c.onArchive(e)
	case *events.Pin:
		return c.onPin(e)
	case *events.Mute:
		return c.onMute(e)
	case *events.MarkChatAsRead:
		return c.onMarkRead(e)
	case *events.Star:
		return c.onStar(e)
	case *events.DeleteForMe:
		return c.onDeleteForMe(e)
	case *events.DeleteChat:
		return c.onDeleteChat(e)
	case *events.AppState: // before each of those above that it is told by
		return c.onAppState(e)
	case *events.AppStateSyncComplete: // after all of them
		return c.dev.Told(c.ctx, string(e.Name))
	default:
		c.signal(event)
	}
	// Whatever came, the keys it changed are kept before it is acknowledged.
	return c.dev.Flush(c.ctx)
}

// signal passes on what concerns the connection; all else needs no action yet.
func (c *conn) signal(event any) {
	switch e := event.(type) {
	case *events.Presence:
		c.in.handled(stanza{tag: "presence"})
	case *events.ChatPresence:
		c.in.handled(stanza{tag: "chatstate"})
	case *events.QR:
		c.mail.post(gotCodes{e.Codes})
	case *events.PairSuccess:
		c.mail.post(gotPaired{e.ID, e.LID})
	case *events.PairError:
		c.mail.post(pairFailed{e.Error})
	case *events.ManualLoginReconnect:
		c.mail.post(askedReconnect{})
	case *events.Connected:
		c.mail.post(loggedIn{})
	case *events.Disconnected:
		c.mail.post(lostConnection{})
	case *events.LoggedOut:
		c.mail.post(loggedOut{logoutReason(e)})
	case *events.StreamReplaced:
		c.mail.post(replaced{})
	case *events.ClientOutdated:
		c.mail.post(outdated{})
	case *events.TemporaryBan:
		c.mail.post(tempBanned{int(e.Code), e.Expire})
	case *events.ConnectFailure:
		c.mail.post(refusedLogin{int(e.Reason)})
	case *events.StreamError:
		c.mail.post(streamFault{e.Code})
	case *events.KeepAliveTimeout:
		c.missed.Store(int32(e.ErrorCount))
		c.mail.post(pingMissed{})
	case *events.KeepAliveRestored:
		c.missed.Store(0)
		c.mail.post(pingAnswered{})
	case *events.PushNameSetting:
		c.mail.post(renamed{e.Action.GetName()})
	}
}

// logoutReason says who ended the link.
func logoutReason(e *events.LoggedOut) string {
	switch {
	case e.OnConnect && e.Reason == events.ConnectFailureMainDeviceGone:
		return ReasonDeviceGone
	case e.OnConnect && e.Reason == events.ConnectFailureUnknownLogout:
		return ReasonUnknownLogout
	}
	return ReasonUnlinkedPhone
}
