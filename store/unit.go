package store

// Unit is what one happening changes in one session. It is kept whole or not at all,
// and its events are in the log exactly when its changes are in the store.
type Unit struct {
	Session string

	ForgetKeys bool        // removes all keys of the session's device, before Keys
	Keys       []KeyChange // applied in order

	Contacts []ContactUpdate
	Chats    []ChatUpdate
	Messages []Message // new ones; Pos is given here
	Updates  []MessageUpdate
	Receipts []Receipt    // new ones
	Tasks    []TaskChange // applied in order

	State  *SessionUpdate
	Events []Event // get the next Seq, in order
}

// Limits of units that are kept together: what they bring to a commit is bounded.
const (
	MaxTogether  = 64      // units
	TogetherSize = 1 << 20 // bytes, by Size
)

// Empty says whether the unit changes nothing.
func (u Unit) Empty() bool {
	return !u.ForgetKeys && u.State == nil && u.Changes() == 0 && len(u.Events) == 0
}

// Alone says whether the unit goes with no other: what it changes touches records that units
// beside it may touch in another way.
func (u Unit) Alone() bool { return u.ForgetKeys || u.State != nil }

// Changes is how many records the unit writes, but for the session's own and the events.
func (u Unit) Changes() int {
	return len(u.Keys) + len(u.Contacts) + len(u.Chats) + len(u.Messages) + len(u.Updates) + len(u.Receipts) + len(u.Tasks)
}

// Size is about how many bytes the unit brings to a commit: those of what can be large.
func (u Unit) Size() (bytes int) {
	for _, k := range u.Keys {
		bytes += len(k.Key) + len(k.Value)
	}
	for _, m := range u.Messages {
		bytes += len(m.Text) + len(m.Raw)
	}
	for _, m := range u.Updates {
		if m.Body != nil {
			bytes += len(m.Body.Text) + len(m.Body.Raw)
		}
	}
	for _, t := range u.Tasks {
		bytes += len(t.Task.Payload)
	}
	for _, e := range u.Events {
		bytes += len(e.Data)
	}
	return bytes
}

// Then makes one unit of two of the same session, u first: what both change is changed in
// order. It is false when one of them goes with no other. u's lists are not written to.
func (u Unit) Then(next Unit) (Unit, bool) {
	if u.Session != next.Session || u.Alone() || next.Alone() {
		return u, false
	}
	u.Keys = then(u.Keys, next.Keys)
	u.Contacts = then(u.Contacts, next.Contacts)
	u.Chats = chatsThen(u.Chats, next.Chats)
	u.Messages = then(u.Messages, next.Messages)
	u.Updates = then(u.Updates, next.Updates)
	u.Receipts = then(u.Receipts, next.Receipts)
	u.Tasks = then(u.Tasks, next.Tasks)
	u.Events = then(u.Events, next.Events)
	return u, true
}

// then joins two lists in a new one, so that units which share a beginning do not write into
// each other's.
func then[T any](first, second []T) []T {
	if len(second) == 0 {
		return first
	}
	return append(first[:len(first):len(first)], second...)
}

// chatsThen joins two lists of updates. An update of a chat that was updated before, as by
// each message of a burst, becomes part of that one.
func chatsThen(first, second []ChatUpdate) []ChatUpdate {
	if len(second) == 0 {
		return first
	}
	all := append(make([]ChatUpdate, 0, len(first)+len(second)), first...)
	for _, u := range second {
		i := len(all) - 1
		for i >= 0 && all[i].ID != u.ID {
			i--
		}
		if i >= 0 {
			if one, ok := all[i].Then(u); ok {
				all[i] = one
				continue
			}
		}
		all = append(all, u)
	}
	return all
}
