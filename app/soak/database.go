package main

import (
	"path/filepath"

	"whatsapp-api/store/mongo/mongotest"
)

const (
	sqlite     = "sqlite"
	mongodb    = "mongodb"    // a lone server
	replicaSet = "replicaset" // of one server, with elections
)

var databases = []string{sqlite, mongodb, replicaSet}

// database is what the server keeps things in, and the disk below it.
type database struct {
	kind  string
	disk  *disk
	mongo *mongotest.Server // nil: the server's own file
}

func openDatabase(kind, dir string) (*database, error) {
	d := &database{kind: kind}
	size := "96m"
	if kind != sqlite {
		size = "1g" // its journal alone takes some hundred megabytes
	}
	var err error
	if d.disk, err = openDisk(filepath.Join(dir, "disk"), size); err != nil {
		return nil, err
	}
	if kind != sqlite {
		if d.mongo, err = mongotest.Open(d.disk.dir, kind == replicaSet); err != nil {
			return d, err
		}
	}
	return d, nil
}

// settings are the server's.
func (d *database) settings() []string {
	settings := []string{"DATA_DIR=" + d.disk.dir}
	if d.mongo != nil {
		settings = append(settings, "MONGODB_URI="+d.mongo.URI("soak")+"&timeoutMS=3000") // an outage shows soon
	}
	return settings
}

func (d *database) close() error {
	if d.mongo != nil {
		if err := d.mongo.Close(); err != nil {
			return err
		}
	}
	return d.disk.close()
}
