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
// tells of. What comes after it is projected by the next owner. It is written lazily: "durable" is
// the number it cannot fall back behind. Units up to there keep nothing but their
// events, and are deleted when they have none.
//
// One process owns a session, by a lease in its document (leases.go): it alone commits, projects,
// prunes and deletes. All others read what is projected. They may see it up to 300 ms late, and what an
// owner that was killed had committed last only when the session has an owner again, which may take
// 20 seconds, and on the machine where it was killed no longer than it takes to start again (process.go). Who takes a session over from one that has not given it back first makes a unit in the
// place of the old owner's next one, so that nothing that one still commits is taken for kept, and writes down what
// that one may be projecting at this moment (contested.go), so that it brings nothing back; nor does it into another
// session that has got the same id (graves.go). No clock but that of the server counts.
//
// What one process does for all the others is leased in the same way (duties.go). Each counts what it changes that
// others may remember, and looks at what they have counted (changes.go).
//
// The bytes of files are in GridFS (blobs.go), their records in the collection files; neither is part of a unit.
//
// The database says in which form its documents are (schema.go), and is brought up to date by the first
// program that is newer.
//
// Begin with log.go (Commit), then units.go, project.go, recover.go and leases.go.
package mongo
