package main

import (
	"path/filepath"

	"whatsapp-api/store/mongo/mongotest"
)

const (
	onSQLite     = "sqlite"
	onMongoDB    = "mongodb"    // a lone server
	onReplicaSet = "replicaset" // of one server: what it adds is its oplog
)

// stores are what a server can be measured on.
var stores = []string{onSQLite, onMongoDB, onReplicaSet}

// storeAt is where a server keeps its data.
type storeAt struct{ Store, Dir, MongoURI string }

// openPlace makes a place of its own in dir for what a server on this store keeps, and starts the
// database that it needs. end stops that, and removes its data.
func openPlace(dir, store, what string) (at storeAt, end func() error, err error) {
	at = storeAt{Store: store, Dir: filepath.Join(dir, what+"-"+store)}
	if store == onSQLite {
		return at, func() error { return nil }, nil
	}
	server, err := mongotest.Open(dir, store == onReplicaSet)
	if err != nil {
		return at, nil, err
	}
	at.MongoURI = server.URI("bench")
	return at, server.Close, nil
}
