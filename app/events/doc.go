// Package events is the event log as those who follow it see it: units are kept through
// it, and whoever follows a session is woken after the commit.
//
// A follower holds a cursor, not a queue: it reads on from where it is, from a ring of the
// newest events or else from the store, so publishing never waits and a slow reader lags
// alone. Begin with log.go.
package events
