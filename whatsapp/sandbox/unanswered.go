package sandbox

import (
	"maps"
	"sync"

	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
)

const (
	// maxUnanswered is how many names of unanswered queries are told apart. Clients choose the
	// names, so there is an end to them; the rest is counted together.
	maxUnanswered = 100
	// restUnanswered is the name of that rest.
	restUnanswered = "other"
	// maxQueryName is how much of each half of a name is kept, in bytes.
	maxQueryName = 64
)

// unanswered counts what clients want and the server does not know, by name: what passes without
// an error here may be missed in a client's test.
type unanswered struct {
	mu     sync.Mutex
	counts map[string]uint64
}

// note counts one, and says whether it is the first under that name, which it gives back.
func (u *unanswered) note(space, tag string) (name string, first bool) {
	name = space[:min(len(space), maxQueryName)] + "/" + tag[:min(len(tag), maxQueryName)]
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = make(map[string]uint64)
	}
	if u.counts[name] == 0 && len(u.counts) >= maxUnanswered {
		name = restUnanswered
	}
	u.counts[name]++
	return name, u.counts[name] == 1
}

// list is what was counted; never nil.
func (u *unanswered) list() map[string]uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		return map[string]uint64{}
	}
	return maps.Clone(u.counts)
}

// notKnown counts a wish of a client that the server does not know. The log has a line for each name.
func (s *Server) notKnown(space, tag string) {
	if name, first := s.stats.unanswered.note(space, tag); first {
		s.log.Warn("sandbox does not know what a client wants", zap.String("query", name))
	}
}

// notAnAccount counts what goes to an address of a kind that the server does not know, such as a
// channel. One of a person who is not there is no such thing.
func (s *Server) notAnAccount(tag string, to types.JID) {
	switch to.Server {
	case types.DefaultUserServer, types.HiddenUserServer, types.LegacyUserServer:
	default:
		s.notKnown(tag, to.Server)
	}
}

// firstTag is the tag of what a stanza holds first, or nothing.
func firstTag(n *node) string {
	if children := n.GetChildren(); len(children) > 0 {
		return children[0].Tag
	}
	return ""
}
