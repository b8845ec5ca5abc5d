package whatsapp

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// groupChange is what one notification tells of a group.
type groupChange struct {
	group types.JID
	id    string // of the notification; empty: one is made of what it says
	at    time.Time
	by    someone // nobody, where it is not said
	lines []groupLine
	name  string // empty: as it was
	timer *int   // seconds
	found bool   // the timer was there before the account was
}

// groupLine is one thing that happened in a group.
type groupLine struct {
	kind   string
	people []types.JID
	text   string
}

// onGroupInfo keeps what changed in a group, each thing as a line in its chat.
func (c *conn) onGroupInfo(e *events.GroupInfo) error {
	if len(e.Join)+len(e.Leave) > 0 {
		c.members.changed(e.JID.ToNonAD())
	}
	g := groupChange{group: e.JID.ToNonAD(), id: stanzaOf(e), at: e.Timestamp, by: actorOf(e.Sender, e.SenderPN, "")}
	g.people(e)
	g.settings(e)
	return c.keepGroup(g)
}

// people are the lines of who came, went, and became or is no longer an admin.
func (g *groupChange) people(e *events.GroupInfo) {
	alone := func(list []types.JID) bool { // who is named did it, or nobody says who did
		return len(list) == 1 && (g.by.jid.IsEmpty() || list[0].User == g.by.jid.User || list[0].User == g.by.alt.User)
	}
	by := func(list []types.JID, self, other string) {
		switch {
		case len(list) == 0:
		case alone(list) || self == convert.SystemJoined && e.JoinReason == "invite":
			if len(list) == 1 && g.by.jid.IsEmpty() {
				g.by.jid = list[0]
			}
			g.add(self, "", list...)
		default:
			g.add(other, "", list...)
		}
	}
	by(e.Join, convert.SystemJoined, convert.SystemAdded)
	by(e.Leave, convert.SystemLeft, convert.SystemRemoved)
	if len(e.Promote) > 0 {
		g.add(convert.SystemPromoted, "", e.Promote...)
	}
	if len(e.Demote) > 0 {
		g.add(convert.SystemDemoted, "", e.Demote...)
	}
}

// settings are the lines of all else that is told of a group.
func (g *groupChange) settings(e *events.GroupInfo) {
	either := func(is bool, yes, no string) {
		if is {
			g.add(yes, "")
		} else {
			g.add(no, "")
		}
	}
	if e.Name != nil {
		g.name = convert.CleanName(e.Name.Name)
		g.add(convert.SystemSubjectChanged, e.Name.Name)
	}
	if e.Topic != nil {
		g.add(convert.SystemDescriptionChanged, e.Topic.Topic)
	}
	if e.Announce != nil {
		either(e.Announce.IsAnnounce, convert.SystemAnnouncementOn, convert.SystemAnnouncementOff)
	}
	if e.Locked != nil {
		either(e.Locked.IsLocked, convert.SystemLocked, convert.SystemUnlocked)
	}
	if e.MembershipApprovalMode != nil {
		either(e.MembershipApprovalMode.IsJoinApprovalRequired, convert.SystemApprovalOn, convert.SystemApprovalOff)
	}
	if e.NewInviteLink != nil {
		g.add(convert.SystemInviteChanged, "")
	}
	if e.Suspended || e.Unsuspended {
		either(e.Suspended, convert.SystemSuspended, convert.SystemUnsuspended)
	}
	if e.Link != nil {
		g.add(convert.SystemLinked, e.Link.Group.Name)
	}
	if e.Unlink != nil {
		g.add(convert.SystemUnlinked, e.Unlink.Group.Name)
	}
	if e.Delete != nil {
		g.add(convert.SystemDeleted, "")
	}
	if e.Ephemeral != nil {
		seconds := int(min(e.Ephemeral.DisappearingTimer, maxTimer))
		g.timer = &seconds
	}
}

// maxTimer bounds the timer of a chat, in seconds. WhatsApp's longest is 90 days.
const maxTimer = 10 * 365 * 24 * 60 * 60

func (g *groupChange) add(kind, text string, people ...types.JID) {
	g.lines = append(g.lines, groupLine{kind, people, text})
}

// onJoinedGroup keeps a group that is new to the account: one that was made with it, or one to
// which it was added or came by a link.
func (c *conn) onJoinedGroup(e *events.JoinedGroup) error {
	at, id := creationOf(e)
	g := groupChange{group: e.JID.ToNonAD(), id: id, at: e.GroupCreated, by: actorOf(e.Sender, e.SenderPN, e.Notify), name: convert.CleanName(e.Name)}
	if seconds, err := strconv.ParseInt(at, 10, 64); err == nil {
		g.at = time.Unix(seconds, 0)
	}
	me := types.EmptyJID // filled in where it is known who that is
	switch {
	case e.Type == "new":
		g.add(convert.SystemCreated, e.Name)
	case e.Reason == "invite":
		g.add(convert.SystemJoined, "", me)
	default:
		g.add(convert.SystemAdded, "", me)
	}
	if e.IsEphemeral {
		seconds := int(min(e.DisappearingTimer, maxTimer))
		g.timer, g.found = &seconds, true
	}
	return c.keepGroup(g)
}

// onPicture keeps that a group has another picture, or none.
func (c *conn) onPicture(e *events.Picture) error {
	if e.JID.Server != types.GroupServer {
		return c.dev.Flush(c.ctx)
	}
	g := groupChange{group: e.JID.ToNonAD(), at: e.Timestamp, by: someone{jid: e.Author}}
	if e.Remove {
		g.add(convert.SystemPictureRemoved, "")
	} else {
		g.add(convert.SystemPictureChanged, "")
	}
	g.id = fmt.Sprintf("picture-%s-%d", e.PictureID, e.Timestamp.Unix())
	return c.keepGroup(g)
}

// actorOf is who did something, as a notification names them.
func actorOf(jid, alt *types.JID, name string) (by someone) {
	by.name = name
	if jid != nil {
		by.jid = *jid
	}
	if alt != nil {
		by.alt = *alt
	}
	return by
}

// keepGroup keeps what a notification tells of a group, in one unit.
func (c *conn) keepGroup(g groupChange) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	actors := []someone{g.by}
	for _, l := range g.lines {
		for _, jid := range l.people {
			actors = append(actors, someone{jid: jid})
		}
	}
	if err := d.meet(c.ctx, actors); err != nil {
		return err
	}
	if err := d.group(g); err != nil {
		return err
	}
	if d.unit.Empty() {
		return c.dev.Flush(c.ctx)
	}
	return d.commit(c.ctx)
}

// group adds a group's lines, its name and its timer.
func (d *draft) group(g groupChange) error {
	chat, there, err := d.chat(d.c.ctx, g.group.String())
	if err != nil {
		return err
	}
	by := ""
	if convert.IsPerson(convert.Plain(g.by.jid)) {
		by = d.key(g.by.jid)
	}
	lines := 0
	for _, l := range g.lines {
		said := line{System: store.System{Kind: l.kind, By: by, Text: convert.CleanText(l.text)}, chat: g.group.String(), at: g.at}
		if said.People = d.membersIn(l); len(l.people) > 0 && len(said.People) == 0 {
			continue
		}
		said.id = g.lineID(l.kind, lines)
		lines++
		if err := d.say(d.c.ctx, said); err != nil {
			return err
		}
	}
	if g.name != "" && g.name != chat.Name {
		up := store.ChatUpdate{Name: g.name}
		if !there {
			up.ID, up.Kind = g.group.String(), store.ChatGroup
			d.unit.Chats = append(d.unit.Chats, up)
		} else if err := d.changed(chat, store.ChatGroup, up); err != nil {
			return err
		}
	}
	at := plausible(g.at)
	switch {
	case g.timer == nil:
		return nil
	case g.found:
		d.s.timers.Add(g.group.String(), *g.timer)
		d.unit.Chats = append(d.unit.Chats, store.ChatUpdate{ID: g.group.String(), Kind: store.ChatGroup, Ephemeral: g.timer, EphemeralAt: &at})
		return nil
	}
	return d.setTimer(d.c.ctx, deed{
		Act: convert.Act{Kind: convert.ActTimer, Seconds: *g.timer, At: at.UnixMilli()}, chat: g.group.String(), actor: by, id: g.lineID(convert.SystemTimerChanged, lines), at: at,
	})
}

// membersIn are the keys of the people of a line. That the account itself was added is told by a
// notification of its own, with the whole group.
func (d *draft) membersIn(l groupLine) (keys []string) {
	for _, jid := range l.people {
		key := d.me()
		if !jid.IsEmpty() {
			if l.kind == convert.SystemAdded && d.isMe(jid) {
				continue
			}
			key = d.key(jid)
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// lineID is the id of the nth line that a notification makes.
func (g *groupChange) lineID(kind string, n int) string {
	id := cmp.Or(g.id, fmt.Sprintf("%s-%d", kind, g.at.Unix()))
	if n > 0 {
		id = fmt.Sprintf("%s-%d", id, n+1)
	}
	return id
}
