package stream

import (
	"maps"
	"slices"

	"golang.org/x/time/rate"

	"whatsapp-api/app/api"
)

// Limits bound what streams may take. 0 is without limit.
type Limits struct {
	PerUser         int // open at once
	Unauthenticated int // sockets open at once, of all who have not brought a token yet
	FramesPerSecond int // of one socket, twice as many in a burst; more of them wait
}

// join notes the stream as its user's. api.ErrManyStreams.
func (s *subscriber) join(user string) error {
	all := &s.hub.streams
	all.mu.Lock()
	defer all.mu.Unlock()
	if most := s.hub.Limits.PerUser; most > 0 && len(all.users[user]) >= most {
		return api.ErrManyStreams
	}
	if all.users == nil {
		all.users = map[string]map[*subscriber]bool{}
	}
	if all.users[user] == nil {
		all.users[user] = map[*subscriber]bool{}
	}
	all.users[user][s] = true
	s.user = user
	return nil
}

// unjoin undoes join.
func (s *subscriber) unjoin() {
	all := &s.hub.streams
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.user == "" {
		return
	}
	delete(all.users[s.user], s)
	if len(all.users[s.user]) == 0 {
		delete(all.users, s.user)
	}
	s.user = ""
}

// endOf ends all streams of these users: their clients come back, and see what they may see now.
func (s *streams) endOf(why error, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, user := range users {
		for one := range s.users[user] {
			one.end(why)
		}
	}
}

// EndAll ends all streams, since a session may have another owner by the word of another server. Their
// clients come back and resume.
func (h *Hub) EndAll() {
	h.streams.mu.Lock()
	users := slices.Collect(maps.Keys(h.streams.users))
	h.streams.mu.Unlock()
	h.streams.endOf(errMoved, users...)
}

// full says whether so many sockets wait for their token that no other one may.
func (s *streams) full(most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return most > 0 && s.strangers >= most
}

// stranger counts a socket that has brought no token yet, and with -1 one that has, or has ended.
func (s *streams) stranger(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strangers += n
}

// frames is how fast one socket's frames are taken.
func (h *Hub) frames() *rate.Limiter {
	most := h.Limits.FramesPerSecond
	if most == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(most), 2*most)
}
