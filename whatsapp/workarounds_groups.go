package whatsapp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"golang.org/x/sync/singleflight"
)

// Members of groups. The report: "updateGroupParticipantCache changes cached.Members, and the
// elements of its array, in place under groupCacheLock, while SendMessage reads both without it: a
// data race, by which a message can miss a member who stays. It could put a new groupMetaCache in
// place of the old one." TestMembersAreChangedInPlace fails when it does.
//
// So whatsmeow is kept from changing what it remembers, by an address that it finds nothing under,
// and asks anew who is in the group before the next message goes there.
//
// Ids of notifications. The report: "events.GroupInfo, JoinedGroup and Picture could have the id of
// their stanza, as messages have, and JoinedGroup its time: a program cannot tell one that was sent
// again from another." TestGroupNotificationsHaveTheirID fails when the way taken here is closed.

// markedDevice marks the address of a group, which has no device, in a notification. It has no
// binary form, so that the acknowledgement is as it would be.
const markedDevice = 1

// tagStanza is a child of a notification that holds its id. whatsmeow hands it on as a change that
// it does not know.
const tagStanza = "whatsapp-api"

// mark prepares a notification about a group as it is read, before it is queued.
func mark(n *waBinary.Node) {
	from, ok := n.Attrs["from"].(types.JID)
	if n.Tag != "notification" || n.Attrs["type"] != "w:gp2" || !ok || from.Server != types.GroupServer {
		return
	}
	id, _ := n.Attrs["id"].(string)
	children := n.GetChildren()
	if len(children) == 1 && children[0].Tag == "create" {
		at, _ := n.Attrs["t"].(string)
		if children[0].Attrs == nil {
			children[0].Attrs = waBinary.Attrs{}
		}
		children[0].Attrs["key"] = at + " " + id
		return
	}
	from.Device = markedDevice
	n.Attrs["from"] = from
	n.Content = slices.Concat(children, []waBinary.Node{{Tag: tagStanza, Attrs: waBinary.Attrs{"id": id}}})
}

// stanzaOf is the id of the notification that told of a change; empty when it was not read by the
// client's own reader.
func stanzaOf(e *events.GroupInfo) string {
	for _, n := range e.UnknownChanges {
		if n.Tag == tagStanza {
			id, _ := n.Attrs["id"].(string)
			return id
		}
	}
	return ""
}

// creationOf is the same of a group that is new to the account, with the notification's time as it
// was written there.
func creationOf(e *events.JoinedGroup) (at, id string) {
	at, id, ok := strings.Cut(e.CreateKey, " ")
	if !ok {
		return "", ""
	}
	return at, id
}

// memberships knows of which groups whatsmeow remembers members that are so no longer.
type memberships struct {
	asking singleflight.Group

	mu      sync.Mutex
	changes map[types.JID]int // since they were asked for
}

// changed takes note of a change that whatsmeow could not make.
func (m *memberships) changed(group types.JID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes == nil {
		m.changes = map[types.JID]int{}
	}
	m.changes[group]++
}

func (m *memberships) stale(group types.JID) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changes[group]
}

// asked forgets changes, unless there were more since.
func (m *memberships) asked(group types.JID, changes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes[group] == changes {
		delete(m.changes, group)
	}
}

// freshMembers sees to it that whatsmeow knows who is in a group that is to get a message. Others
// who ask at the same time wait for the one answer; one that was on its way when the last change
// came is asked for again, once.
func (c *conn) freshMembers(ctx context.Context, group types.JID) error {
	if group.Server != types.GroupServer {
		return nil
	}
	for range 2 {
		if c.members.stale(group) == 0 {
			return nil
		}
		_, err, _ := c.members.asking.Do(group.String(), func() (any, error) {
			changes := c.members.stale(group)
			if changes == 0 {
				return nil, nil
			}
			_, err := c.client.GetGroupInfo(ctx, group) // puts a new list in the place of the old one
			if err == nil {
				c.members.asked(group, changes)
			}
			return nil, err
		})
		if err != nil {
			return fmt.Errorf("ask who is in a group: %w", err)
		}
	}
	return nil
}
