// Package mongo keeps the store in MongoDB 4.4 or newer: a lone server or a replica set.
//
// There are no multi-document transactions. The insert of one document into the
// collection units, acknowledged by a majority and journalled, is the commit of a
// [store.Unit]; it holds all that the unit changes. It is projected (project.go) into the
// collections that are read: sessions, chats, contacts, messages, receipts and keys. That
// follows a moment behind the commits, many units at once; who reads in the process that
// committed them waits until it is done (behind.go). It can be done again at any time, in the
// order of the units, without harm: every document carries the number of the last change that
// went into it.
//
// A session's document is also the head of its log. "proj" is the number of the last unit
// that was projected; it is written last of all, so whoever sees an event sees what it
// tells of. What comes after it is projected by Recover. It is written lazily: "durable" is
// the number it cannot fall back behind. Units up to there keep nothing but their
// events, and are deleted when they have none.
//
// Begin with log.go (Commit), then units.go, project.go and recover.go.
package mongo
