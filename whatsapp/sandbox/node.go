package sandbox

import (
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

type (
	node  = waBinary.Node
	attrs = waBinary.Attrs
)

// el makes a node that holds other nodes, or nothing.
func el(tag string, a attrs, children ...node) node {
	n := node{Tag: tag, Attrs: a}
	if len(children) > 0 {
		n.Content = children
	}
	return n
}

// leaf makes a node that holds bytes. The wire knows bytes and strings as two
// different things, and clients skip a string where they expect bytes.
func leaf(tag string, a attrs, content []byte) node {
	return node{Tag: tag, Attrs: a, Content: content}
}

// attrString reads an attribute as text, whatever it was on the wire.
func attrString(n *node, key string) string {
	switch v := n.Attrs[key].(type) {
	case string:
		return v
	case types.JID:
		return v.String()
	}
	return ""
}

// attrJID reads an attribute that must be an address. Some clients write an
// address as text, which is accepted here but never written.
func attrJID(n *node, key string) (types.JID, bool) {
	switch v := n.Attrs[key].(type) {
	case types.JID:
		return v, true
	case string:
		jid, err := types.ParseJID(v)
		return jid, err == nil && v != ""
	}
	return types.JID{}, false
}

func attrInt(n *node, key string) int {
	i, err := strconv.Atoi(attrString(n, key))
	if err != nil {
		return 0
	}
	return i
}

// childOf walks down the first children with these tags.
func childOf(n *node, tags ...string) (*node, bool) {
	c, ok := n.GetOptionalChildByTag(tags...)
	if !ok {
		return nil, false
	}
	return &c, true
}

// contentBytes reads a node's content. A client's encoder may turn short bytes
// into a token or packed digits, which arrive as a string.
func contentBytes(n *node) []byte {
	switch v := n.Content.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// bare is the address without a device.
func bare(jid types.JID) types.JID { return types.JID{User: jid.User, Server: jid.Server} }

// formOf is an address in one of the two forms that people have, to be compared with others.
func formOf(pn bool) types.JID {
	if pn {
		return types.JID{Server: types.DefaultUserServer}
	}
	return types.JID{Server: types.HiddenUserServer}
}

// modeOf is what the wire calls that form.
func modeOf(pn bool) string {
	if pn {
		return "pn"
	}
	return "lid"
}
