package api

import (
	"errors"
	"maps"
	"slices"

	"golang.org/x/time/rate"
)

var (
	errManyStreams   = errors.New("too many streams of one user")
	errManyStrangers = errors.New("too many sockets without a token")
)

// join notes the stream as its user's. errManyStreams.
func (s *stream) join(user string) error {
	all := &s.api.streams
	all.mu.Lock()
	defer all.mu.Unlock()
	if most := s.api.Limits.StreamsPerUser; most > 0 && len(all.users[user]) >= most {
		return errManyStreams
	}
	if all.users == nil {
		all.users = map[string]map[*stream]bool{}
	}
	if all.users[user] == nil {
		all.users[user] = map[*stream]bool{}
	}
	all.users[user][s] = true
	s.user = user
	return nil
}

// unjoin undoes join.
func (s *stream) unjoin() {
	all := &s.api.streams
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

// EndStreams ends all streams, since a session may have another owner by the word of another server. Their
// clients come back and resume.
func (a *API) EndStreams() {
	a.streams.mu.Lock()
	users := slices.Collect(maps.Keys(a.streams.users))
	a.streams.mu.Unlock()
	a.streams.endOf(errMoved, users...)
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
func (a *API) frames() *rate.Limiter {
	most := a.Limits.FramesPerSecond
	if most == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(most), 2*most)
}
