package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrOwned says that another process is the owner of a file.
var ErrOwned = errors.New("another server uses this database")

// Owner is the one process that runs the sessions of a file. Others may have the file open beside
// it, as create-admin does, but a second owner would undo what the first writes. The operating system
// keeps the lock, so that it ends with the process, however that ends.
type Owner struct {
	lock *flock.Flock
	info string // the file that says who it is
	who  whoOwns
}

// whoOwns is what an owner says of itself to those who are refused. It is in a file of its own, since
// on some systems nobody else can read a file that is locked.
type whoOwns struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Address string    `json:"address,omitempty"` // where it listens; "" until it does
}

// Own makes this process the owner of the database file at path, which need not be there yet. It
// does not wait: the error is ErrOwned, and names the other, when there is one. Release the owner
// after the store is closed.
func Own(path string) (*Owner, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("own sqlite file: %w", err)
	}
	o := &Owner{
		lock: flock.New(path+".lock", flock.SetPermissions(0o600)), info: path + ".owner",
		who: whoOwns{PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)},
	}
	free, err := o.lock.TryLock()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("own sqlite file %s: %w", path, err), o.lock.Close())
	}
	if !free {
		return nil, errors.Join(fmt.Errorf("%w: %s is owned by %s", ErrOwned, path, whoOwnsNow(o.info)), o.lock.Close())
	}
	if err := o.say(); err != nil {
		return nil, errors.Join(err, o.Release())
	}
	return o, nil
}

// Listens adds to what those are told who are refused: the address of the owner.
func (o *Owner) Listens(address string) error {
	o.who.Address = address
	return o.say()
}

// Release lets others own the file.
func (o *Owner) Release() error {
	err := os.Remove(o.info)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, o.lock.Close())
}

// say writes who owns the file, whole or not at all.
func (o *Owner) say() error {
	raw, err := json.Marshal(o.who)
	if err == nil {
		err = os.WriteFile(o.info+".new", raw, 0o600)
	}
	if err == nil {
		err = os.Rename(o.info+".new", o.info)
	}
	if err != nil {
		return fmt.Errorf("own sqlite file: %w", err)
	}
	return nil
}

// whoOwnsNow words what the owner has said of itself.
func whoOwnsNow(info string) string {
	raw, err := os.ReadFile(info)
	var who whoOwns
	if err == nil {
		err = json.Unmarshal(raw, &who)
	}
	if err != nil { // it has not said anything yet
		return "another process"
	}
	text := fmt.Sprintf("process %d, since %s", who.PID, who.Since.Format(time.RFC3339))
	if who.Address != "" {
		text += ", at " + who.Address
	}
	return text
}
