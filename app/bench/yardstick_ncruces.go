//go:build !(cgo && mattn)

package main

import _ "github.com/ncruces/go-sqlite3/driver" // the database/sql driver "sqlite3"

// yardstick is what whatsmeow's own store is opened with: without a C compiler the same SQLite as the
// server's.
var yardstick = database{
	name: "ncruces/go-sqlite3", driver: "sqlite3",
	options: "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_pragma=foreign_keys(1)&_txlock=immediate",
}
