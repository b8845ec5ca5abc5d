package sandbox

import (
	"go.mau.fi/whatsmeow/types"
)

// groups answers what a client asks about groups and changes in them.
func (q *query) groups() ([]node, *iqError) {
	to, _ := attrJID(q.node, "to")
	if to.Server != types.GroupServer {
		return nil, errBadRequest
	}
	if to.User == "" {
		return q.anyGroup()
	}
	g := q.server.group(to)
	if g == nil {
		return nil, errNotFound
	}
	me := q.device.account
	in := q.server.chatIn(me, g)
	if !in.has(me) {
		return nil, errForbidden
	}
	if !q.set() {
		if _, ok := childOf(q.node, "query"); ok {
			return []node{q.server.groupNode(g)}, nil
		}
		q.server.notKnown("w:g2", firstTag(q.node))
		return nil, errNotFound
	}
	if subject, ok := childOf(q.node, "subject"); ok {
		if in.may(toDescribe) != nil {
			return nil, errForbidden
		}
		name := string(contentBytes(subject))
		if name == "" || len(name) > maxSubject {
			return nil, errBadRequest
		}
		q.server.renameGroup(q.change, g, me, name)
		return nil, nil
	}
	for _, verb := range []string{"add", "remove", "promote", "demote"} {
		if asked, ok := childOf(q.node, verb); ok {
			if in.may(toAdminister) != nil {
				return nil, errForbidden
			}
			return q.changeMembers(g, verb, asked)
		}
	}
	q.server.notKnown("w:g2", firstTag(q.node))
	return nil, errUnavailable // kept nowhere, so not said to be done
}

// changeMembers answers with the same tag, one participant for each that was asked for.
func (q *query) changeMembers(g *group, verb string, asked *node) ([]node, *iqError) {
	var whom []*account
	var answers []node
	for _, n := range asked.GetChildrenByTag("participant") {
		jid, _ := attrJID(&n, "jid")
		if a := q.server.find(jid); a != nil {
			whom = append(whom, a)
		} else {
			answers = append(answers, el("participant", attrs{"jid": jid, "error": "404"}))
		}
	}
	failed, err := q.server.changeMembers(q.change, g, q.device.account, verb, whom)
	if err != nil {
		return nil, errBadRequest
	}
	for _, a := range whom {
		n := participantNode(g, a, "")
		for _, f := range failed {
			if f == a {
				n.Attrs["error"] = "409"
			}
		}
		answers = append(answers, n)
	}
	return []node{el(verb, nil, answers...)}, nil
}

// anyGroup answers what is not asked of one group.
func (q *query) anyGroup() ([]node, *iqError) {
	me := q.device.account
	if _, ok := childOf(q.node, "participating"); ok {
		var list []node
		for _, g := range q.server.allGroups() {
			if _, is := g.role(me); is {
				list = append(list, q.server.groupNode(g))
			}
		}
		return []node{el("groups", nil, list...)}, nil
	}
	if create, ok := childOf(q.node, "create"); ok && q.set() {
		return q.create(create)
	}
	leave, ok := childOf(q.node, "leave")
	if !ok || !q.set() {
		q.server.notKnown("w:g2", firstTag(q.node))
		return nil, errUnavailable
	}
	var left []node
	for _, n := range leave.GetChildrenByTag("group") {
		jid, _ := attrJID(&n, "id")
		g := q.server.group(jid)
		if g == nil {
			return nil, errNotFound
		}
		if _, is := g.role(me); !is {
			return nil, errNotFound
		}
		if _, err := q.server.changeMembers(q.change, g, me, "remove", []*account{me}); err != nil {
			return nil, errBadRequest
		}
		left = append(left, el("group", attrs{"id": jid}))
	}
	return []node{el("leave", nil, left...)}, nil
}

func (q *query) create(create *node) ([]node, *iqError) {
	subject := attrString(create, "subject")
	if subject == "" || len(subject) > maxSubject {
		return nil, errBadRequest
	}
	var others []*account
	for _, n := range create.GetChildrenByTag("participant") {
		jid, _ := attrJID(&n, "jid")
		if a := q.server.find(jid); a != nil {
			others = append(others, a)
		}
	}
	said := attrs{"key": attrString(create, "key")}
	g := q.server.createGroup(q.change, q.device.account, others, subject, false, said)
	return []node{q.server.groupNode(g)}, nil
}
