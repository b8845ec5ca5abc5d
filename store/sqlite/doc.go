// Package sqlite keeps the store in one SQLite file, without any server.
//
// All writes go through one goroutine (writer.go): it takes whatever is queued, runs it
// in one transaction, syncs once, and only then answers the callers. Readers have
// connections of their own and never wait for it. Times are kept as milliseconds since
// 1970 in UTC; the zero time is its own number there, so nothing is special about it.
//
// Begin with open.go, then log.go: Log.Commit is where nearly everything is written.
// migrations.go has the tables.
package sqlite
