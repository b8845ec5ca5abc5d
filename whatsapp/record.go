package whatsapp

import (
	"fmt"
	"time"

	"whatsapp-api/store"
)

// stateUnit tells of the change from previous to the state now, and keeps it.
func (s *Session) stateUnit(previous Snapshot) store.Unit {
	s.mu.Lock()
	snap, record := s.snap, s.record
	s.mu.Unlock()
	snap.overlay(&record)
	shape := SessionShape(record, s.m.Sandbox())
	u := store.Unit{
		Session: s.id,
		State: &store.SessionUpdate{
			State: &record.State, Reason: &record.Reason, Since: &record.Since,
			Phone: &record.Phone, LID: &record.LID, PushName: &record.PushName,
		},
	}
	add := func(name string, data any) {
		cause := fmt.Sprintf("%s/%s/%d", snap.State, snap.Reason, time.Now().UnixNano())
		u.Events = append(u.Events, newEvent(s.id, name, cause, now(), data))
	}
	if snap.State != previous.State || snap.Reason != previous.Reason {
		add(EventSessionStatus, StatusData{Session: shape, Previous: string(previous.State)})
	}
	for _, name := range milestones(previous.State, snap.State) {
		add(name, SessionData{Session: shape})
	}
	if detail, bad := troubles[snap.Reason]; bad || snap.State == Failed || snap.State == Banned {
		add(EventSessionError, ErrorData{Session: shape, Code: snap.Reason, Detail: detail})
	}
	return u
}

// milestones names the events beside session_status_update that a change of state makes.
func milestones(from, to State) []string {
	up := func(s State) bool { return s == Connected || s == Degraded }
	switch {
	case to == Connected && from == Degraded:
		return []string{EventSessionRecovered}
	case to == Connected && from != Connected:
		return []string{EventSessionConnected}
	case to == Degraded && from != Degraded:
		return []string{EventSessionDegraded}
	case up(from) && !up(to):
		return []string{EventSessionDisconnected}
	}
	return nil
}

// troubles are the reasons that somebody should look at, and what to tell them.
var troubles = map[string]string{
	ReasonQRTimeout:     "Nobody scanned the QR code. Start the session again to get new ones.",
	ReasonPairFailed:    "The phone scanned the code, but linking failed. Try again.",
	ReasonReplaced:      "Another client uses the same link. Two copies of this session's data must not run at once; start it again when the other is gone.",
	ReasonOutdated:      "WhatsApp no longer accepts this version of the client. Update this program.",
	ReasonUnlinkedPhone: "The device was unlinked on the phone. Start the session to link it again.",
	ReasonTemporaryBan:  "WhatsApp has banned the account for a time.",
}
