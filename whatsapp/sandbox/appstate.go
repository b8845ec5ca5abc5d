package sandbox

import (
	"fmt"
	"slices"
	"strconv"

	"go.mau.fi/whatsmeow/proto/waServerSync"
	"google.golang.org/protobuf/proto"
)

// collections are the parts of the app state. The server keeps a list of
// patches for each, and its version is their number; what is in them only the
// phone and the companions can read.
func collections() []string {
	return []string{"critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"}
}

// appState answers reads and writes of the app state. Every collection asked
// for is answered: a missing one would be asked for again without end.
func (q *query) appState() ([]node, *iqError) {
	sync, ok := childOf(q.node, "sync")
	if !ok {
		return nil, errBadRequest
	}
	var list []node
	for _, n := range sync.GetChildrenByTag("collection") {
		if !slices.Contains(collections(), attrString(&n, "name")) {
			list = append(list, el("collection", attrs{"name": attrString(&n, "name"), "type": "error"},
				el("error", attrs{"code": "404", "text": "item-not-found"})))
			continue
		}
		list = append(list, q.collection(&n))
	}
	return []node{el("sync", nil, list...)}, nil
}

func (q *query) collection(n *node) node {
	name, version := attrString(n, "name"), attrInt(n, "version")
	a := q.device.account
	if _, writes := childOf(n, "patch"); writes {
		q.change.hold(&a.patching)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	have := a.patches[name]
	patch, writes := childOf(n, "patch")
	if !writes {
		return collectionNode(name, len(have), patchesAfter(have, version))
	}
	if version != len(have) {
		answer := collectionNode(name, len(have), patchesAfter(have, version))
		answer.Attrs["type"] = "error"
		answer.Content = append([]node{el("error", attrs{"code": "409", "text": "conflict"})}, answer.GetChildren()...)
		return answer
	}
	if err := q.server.addPatch(q.change, a, name, contentBytes(patch), q.device); err != nil {
		return el("collection", attrs{"name": name, "type": "error"}, el("error", attrs{"code": "400", "text": "bad-request"}))
	}
	return collectionNode(name, len(a.patches[name]), nil)
}

func patchesAfter(have [][]byte, version int) [][]byte {
	if version < 0 || version > len(have) {
		version = 0
	}
	return have[version:]
}

func collectionNode(name string, version int, patches [][]byte) node {
	n := el("collection", attrs{"name": name, "version": strconv.Itoa(version)})
	if len(patches) == 0 {
		return n
	}
	list := make([]node, len(patches))
	for i, p := range patches {
		list[i] = leaf("patch", nil, p)
	}
	n.Content = []node{el("patches", nil, list...)}
	return n
}

// addPatch stores a patch as the next version and tells the other devices. The
// caller holds a.mu. Clients leave the version out, although their signature
// covers it, so it is filled in here.
func (s *Server) addPatch(c *change, a *account, name string, raw []byte, by *device) error {
	var patch waServerSync.SyncdPatch
	if err := proto.Unmarshal(raw, &patch); err != nil {
		return fmt.Errorf("app state patch: %w", err)
	}
	version := len(a.patches[name]) + 1
	patch.Version = &waServerSync.SyncdVersion{Version: proto.Uint64(uint64(version))}
	stored, err := proto.Marshal(&patch)
	if err != nil {
		return fmt.Errorf("app state patch: %w", err)
	}
	a.patches[name] = append(a.patches[name], stored)
	c.put(fmt.Sprintf("patch/%s/%s/%08x", a.pn, name, version), stored)
	for _, d := range a.devices {
		if d != by && d.number != 0 {
			s.enqueue(c, d, el("notification", attrs{"from": serverJID(), "type": "server_sync", "id": s.nextID(), "t": unix(s.now())},
				el("collection", attrs{"name": name, "version": strconv.Itoa(version)})))
		}
	}
	return nil
}
