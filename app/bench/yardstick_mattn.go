//go:build cgo && mattn

package main

import _ "github.com/mattn/go-sqlite3" // the database/sql driver, under the name that the linker gives it

// yardstick is what whatsmeow's own store is opened with: the C library, as most who use whatsmeow
// have it. Two drivers would call themselves sqlite3, and database/sql refuses that, so whoever
// builds with the tag mattn also links with -X github.com/mattn/go-sqlite3.driverName=mattn.
var yardstick = database{
	name: "mattn/go-sqlite3", driver: "mattn",
	options: "?_busy_timeout=10000&_journal_mode=wal&_synchronous=normal&_foreign_keys=1&_txlock=immediate",
}
