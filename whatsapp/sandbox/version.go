package sandbox

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
)

// dataVersion is the version of what is kept on disk. Whoever changes a record so that it would be
// misread raises it, adds a step to upgrades and a file of the old version to testdata. Version 1 had no number.
const dataVersion = 2

// upgrades are the steps from each version to the next, the first from version 1. Each is called in
// one transaction with all that follow it.
var upgrades = [dataVersion - 1]func(*sql.Tx) error{chatsOfSent}

// versionKey is where the version is kept.
const versionKey = "version"

// upgrade makes the newest version of what an older program has kept, all or nothing. What a newer
// program has kept is ErrData, and left as it is.
func (d *disk) upgrade() error {
	tx, err := d.db.Begin()
	if err != nil {
		return fmt.Errorf("begin upgrade: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // which does nothing after the commit
	version, err := versionOf(tx)
	if err != nil {
		return err
	}
	if version > dataVersion {
		return fmt.Errorf("%w: they are of version %d, and this program reads them up to version %d", ErrData, version, dataVersion)
	}
	for v, step := range upgrades[version-1:] {
		if err := step(tx); err != nil {
			return fmt.Errorf("%w: upgrade from version %d: %w", ErrData, version+v, err)
		}
	}
	if _, err := tx.Exec(`INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`, versionKey, fmt.Append(nil, dataVersion)); err != nil {
		return fmt.Errorf("write version: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit upgrade: %w", err)
	}
	return nil
}

// versionOf is the version of what is on disk; nothing at all is of the newest.
func versionOf(tx *sql.Tx) (int, error) {
	var raw []byte
	err := tx.QueryRow(`SELECT v FROM kv WHERE k = ?`, versionKey).Scan(&raw)
	switch {
	case err == nil:
		var version int
		if err := json.Unmarshal(raw, &version); err != nil || version < 1 {
			return 0, fmt.Errorf("%w: they are of version %q", ErrData, raw)
		}
		return version, nil
	case !errors.Is(err, sql.ErrNoRows):
		return 0, fmt.Errorf("read version: %w", err)
	}
	var some bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM kv)`).Scan(&some); err != nil {
		return 0, fmt.Errorf("read data: %w", err)
	}
	if !some {
		return dataVersion, nil
	}
	return 1, nil
}

// damaged turns SQLite's word that a file is none of its own, or broken, into ErrData.
func damaged(err error) error {
	if errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.CORRUPT) {
		return fmt.Errorf("%w: %w", ErrData, err)
	}
	return err
}

// advise says of data that cannot be read where they are and what can be done.
func advise(err error, dir string) error {
	if !errors.Is(err, ErrData) {
		return err
	}
	return fmt.Errorf("%w (the folder is %s: run the program that wrote them, or delete %s there to begin anew, without phones)", err, dir, dataFile)
}

// dataFile is the name of the file in which a sandbox keeps everything.
const dataFile = "sandbox.db"

// beginAnew deletes what a sandbox has kept in a folder, and nothing else there.
func beginAnew(dir string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(filepath.Join(dir, dataFile+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("begin anew: %w", err))
		}
	}
	return errors.Join(errs...)
}
