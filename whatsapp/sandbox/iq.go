package sandbox

import (
	"slices"
	"strconv"
)

// iqError is a refusal. Clients compare the text as well as the number.
type iqError struct {
	code int
	text string
}

var (
	errBadRequest  = &iqError{400, "bad-request"}
	errForbidden   = &iqError{403, "forbidden"}
	errNotFound    = &iqError{404, "item-not-found"}
	errUnavailable = &iqError{503, "service-unavailable"}
)

// query is the question of a client while it is answered. What must be on disk
// before the answer goes out is put into the change.
type query struct {
	*conn
	node   *node
	change *change
}

// iqTable says who answers which namespace. What is missing here is counted (see unknown) and gets
// an empty answer, which is always better than none: clients wait more than a minute, some of them
// holding locks. What would have to be kept and is not is refused, never said to be done.
var iqTable = map[string]func(*query) ([]node, *iqError){
	"encrypt":                 (*query).encrypt,
	"passive":                 (*query).passive,
	"usync":                   (*query).usync,
	"privacy":                 (*query).privacy,
	"abt":                     (*query).props,
	"blocklist":               (*query).blocklist,
	"w:m":                     (*query).media,
	"w:sync:app:state":        (*query).appState,
	"w:profile:picture":       (*query).picture,
	"status":                  (*query).status,
	"disappearing_mode":       (*query).notKept,
	"md":                      (*query).linking,
	"w:g2":                    (*query).groups,
	"w:mex":                   (*query).graph,
	"w:biz":                   (*query).business,
	"newsletter":              (*query).newsletter,
	"w:qr":                    (*query).contactLink,
	"bot":                     (*query).bots,
	"urn:xmpp:ping":           (*query).nothing,
	"w:p":                     (*query).nothing,
	"w:stats":                 (*query).nothing, // measurements, which nobody reads back
	"urn:xmpp:whatsapp:dirty": (*query).nothing, // nothing is ever said to be dirty
	"urn:xmpp:whatsapp:push":  (*query).notKept,
}

func (c *conn) handleIQ(n *node) {
	kind := attrString(n, "type")
	if kind == "result" || kind == "error" {
		c.answered(n)
		return
	}
	q := &query{conn: c, node: n, change: c.server.change()}
	space := attrString(n, "xmlns")
	answer := iqTable[space]
	switch {
	case c.device == nil && space != "md": // an unlinked client may ask nothing but how it is linked, and ping
		answer = (*query).nothing
	case answer == nil:
		answer = (*query).unknown
	}
	children, failed := answer(q)
	result := q.result(children, failed)
	if c.device != nil && c.device.isRemoved() {
		q.change.then(func() { c.sendLast(result) })
	} else {
		q.change.then(func() { c.send(result) })
	}
	q.change.commit()
}

func (q *query) result(children []node, failed *iqError) node {
	from := q.node.Attrs["to"]
	if from == nil {
		from = serverJID()
	}
	a := attrs{"type": "result", "id": attrString(q.node, "id"), "from": from}
	if failed != nil {
		a["type"] = "error"
		children = []node{el("error", attrs{"code": strconv.Itoa(failed.code), "text": failed.text})}
	}
	return el("iq", a, children...)
}

func (q *query) set() bool { return attrString(q.node, "type") == "set" }

func (q *query) nothing() ([]node, *iqError) { return nil, nil }

// unknown counts a query that nobody here knows. What it asks for is empty; what it sets is refused.
func (q *query) unknown() ([]node, *iqError) {
	q.server.notKnown(attrString(q.node, "xmlns"), firstTag(q.node))
	return q.notKept()
}

// notKept answers for what the sandbox keeps nothing of.
func (q *query) notKept() ([]node, *iqError) {
	if q.set() {
		return nil, errUnavailable
	}
	return nil, nil
}

func (q *query) passive() ([]node, *iqError) {
	if _, ok := childOf(q.node, "active"); ok {
		q.active(q.change)
		return nil, nil
	}
	return q.unknown()
}

func (q *query) props() ([]node, *iqError) { return []node{el("props", nil)}, nil }

// media: there is no media host yet, and an empty list of hosts would crash
// some clients.
func (q *query) media() ([]node, *iqError) { return nil, errUnavailable }

func (q *query) picture() ([]node, *iqError) { return nil, errNotFound }

func (q *query) status() ([]node, *iqError) {
	if q.set() {
		return nil, errUnavailable
	}
	return []node{el("privacy", nil, el("list", attrs{"type": "contacts", "default": "true"}))}, nil
}

// linking answers what concerns the links of the account itself.
func (q *query) linking() ([]node, *iqError) {
	if _, ok := childOf(q.node, "remove-companion-device"); ok && q.device != nil {
		return q.logout()
	}
	if _, ok := childOf(q.node, "link_code_companion_reg"); ok {
		return nil, errUnavailable
	}
	return q.unknown()
}

// logout unlinks the client that asks, or another one of its account. The
// client waits for the answer before it deletes what it has, so the answer
// goes out first.
func (q *query) logout() ([]node, *iqError) {
	remove, _ := childOf(q.node, "remove-companion-device")
	number := q.device.number
	if jid, ok := attrJID(remove, "jid"); ok {
		if q.server.find(jid) != q.device.account {
			return nil, errForbidden
		}
		number = int(jid.Device)
	}
	d := q.device.account.device(number)
	if d == nil || number == 0 {
		return nil, errNotFound
	}
	q.server.removeDevice(q.change, d)
	if other := d.online(); other != nil && other != q.conn {
		q.change.then(other.deviceRemoved)
	}
	return nil, nil
}

// Numbers of queries in WhatsApp's graph, as whatsmeow and Baileys have them.
const graphNewsletters = "6388546374527196" // those followed, which clients ask for on their own

// graphSets are those that set something: a newsletter made, followed, left or muted, and the
// account's own text.
var graphSets = []string{"6234210096708695", "9926858900719341", "6392786840836363", "6274038279359549", "9152604461510864"}

// graph answers queries by number. What is set by one is refused; any other finds nothing.
func (q *query) graph() ([]node, *iqError) {
	query, ok := childOf(q.node, "query")
	if !ok {
		return q.unknown()
	}
	body := `{"data":{}}`
	switch number := attrString(query, "query_id"); {
	case number == graphNewsletters:
		body = `{"data":{"xwa2_newsletter_subscribed":[]}}`
	case slices.Contains(graphSets, number):
		return nil, errUnavailable
	default:
		q.server.notKnown("w:mex", number)
	}
	return []node{leaf("result", nil, []byte(body))}, nil
}

func (q *query) business() ([]node, *iqError) {
	if q.set() {
		return nil, errUnavailable
	}
	return nil, errNotFound
}

func (q *query) newsletter() ([]node, *iqError) { return nil, errNotFound }

func (q *query) contactLink() ([]node, *iqError) { return nil, errNotFound }

func (q *query) bots() ([]node, *iqError) { return []node{el("bot", nil)}, nil }
