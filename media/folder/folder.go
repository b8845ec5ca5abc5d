package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"whatsapp-api/media"
)

const (
	incoming   = "incoming" // files on their way in
	ownership  = "lock"
	ownerFile  = "owner" // says whose files these are
	bufferSize = 64 << 10
)

// Folder is a folder with files. Close it.
type Folder struct {
	path string
	lock *flock.Flock

	// naming is held while a file gets its name or loses it, so that Remove does not take away
	// what was put after its look.
	naming sync.Mutex

	create func(dir, pattern string) (*os.File, error) // tests make disks that are full
}

var _ media.Blobs = (*Folder)(nil)

// Open opens the folder at path, makes it if need be, and removes what a process that was killed had
// not finished. A second opening, by whatever process, is media.ErrOwned, and so is one with another
// owner: each server has its own name, which stays with the folder.
func Open(path, owner string) (*Folder, error) {
	f := &Folder{path: path, create: os.CreateTemp}
	if err := os.MkdirAll(filepath.Join(path, incoming), 0o700); err != nil {
		return nil, fault("open folder of files", err)
	}
	f.lock = flock.New(filepath.Join(path, ownership), flock.SetPermissions(0o600))
	free, err := f.lock.TryLock()
	if err == nil && !free {
		err = fmt.Errorf("%w: %s", media.ErrOwned, path)
	}
	if err == nil {
		err = f.own(owner)
	}
	if err == nil {
		err = f.Sweep(context.Background(), time.Now().Add(time.Hour)) // nobody else writes here
	}
	if err != nil {
		return nil, errors.Join(fault("open folder of files", err), f.lock.Close())
	}
	return f, nil
}

// own leaves a word whose files these are, or finds it.
func (f *Folder) own(who string) error {
	name := filepath.Join(f.path, ownerFile)
	now, err := os.ReadFile(name)
	switch {
	case err == nil && string(now) != who:
		return fmt.Errorf("%w: %s", media.ErrOwned, f.path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	part := filepath.Join(f.path, incoming, ownerFile)
	if err := os.WriteFile(part, []byte(who), 0o600); err != nil {
		return err
	}
	return errors.Join(os.Rename(part, name), syncDir(f.path))
}

// Close lets others open the folder.
func (f *Folder) Close() error { return f.lock.Close() }

func (f *Folder) name(sum media.Sum) string {
	hex := sum.String()
	return filepath.Join(f.path, hex[:2], hex[2:4], hex)
}

// Put writes beside the files, syncs, and gives the file its name then.
func (f *Folder) Put(ctx context.Context, r io.Reader, most int64) (media.Blob, error) {
	part, err := f.create(filepath.Join(f.path, incoming), "")
	if err != nil {
		return media.Blob{}, fault("put file", err)
	}
	in := media.NewIntake(until(ctx, r), most)
	_, err = io.CopyBuffer(onlyWriter{part}, in, make([]byte, bufferSize))
	if err == nil {
		err = part.Sync()
	}
	err = errors.Join(err, part.Close())
	blob := in.Blob(time.Now().UTC().Truncate(time.Millisecond))
	if err == nil {
		err = f.publish(part.Name(), blob)
	}
	if err == nil {
		return blob, nil
	}
	if broken := in.Broken(); broken != nil {
		err = fmt.Errorf("put file: %w", broken)
	} else {
		err = fault("put file", err)
	}
	if gone := os.Remove(part.Name()); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return media.Blob{}, err
}

// publish gives a file that is on the disk its name. Where the same content is there, the new file
// takes its place: who reads the old one reads on.
func (f *Folder) publish(part string, blob media.Blob) error {
	name := f.name(blob.Sum)
	leaf := filepath.Dir(name)
	err := os.Chtimes(part, blob.At, blob.At)
	f.naming.Lock()
	if err == nil {
		err = f.makeDirs(leaf)
	}
	if err == nil {
		err = os.Rename(part, name)
	}
	f.naming.Unlock()
	if err != nil {
		return err
	}
	return syncDir(leaf)
}

// makeDirs makes the two levels above a file, such that they are there after a power cut too.
func (f *Folder) makeDirs(leaf string) error {
	for _, dir := range []string{filepath.Dir(leaf), leaf} {
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			err = syncDir(filepath.Dir(dir))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// Open opens a file at a place within it.
func (f *Folder) Open(_ context.Context, sum media.Sum, offset, length int64) (io.ReadCloser, error) {
	file, err := os.Open(f.name(sum))
	if err != nil {
		return nil, lookFault("open file", err)
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(fault("open file", err), file.Close())
	}
	if length < 0 {
		return file, nil
	}
	return &part{io.LimitReader(file, length), file}, nil
}

// part is a part of a file.
type part struct {
	io.Reader
	io.Closer
}

// Stat looks at a file.
func (f *Folder) Stat(_ context.Context, sum media.Sum) (media.Blob, error) {
	info, err := os.Stat(f.name(sum))
	if err != nil {
		return media.Blob{}, lookFault("look at file", err)
	}
	return blobOf(sum, info), nil
}

func blobOf(sum media.Sum, info fs.FileInfo) media.Blob {
	return media.Blob{Sum: sum, Size: info.Size(), At: info.ModTime().UTC().Truncate(time.Millisecond)}
}

// Remove deletes a file that nobody has put since.
func (f *Folder) Remove(ctx context.Context, sum media.Sum, before time.Time) (bool, error) {
	f.naming.Lock()
	defer f.naming.Unlock()
	blob, err := f.Stat(ctx, sum)
	if errors.Is(err, media.ErrNotFound) {
		return true, nil
	}
	if err != nil || !blob.At.Before(before) {
		return false, err
	}
	if err := os.Remove(f.name(sum)); err != nil {
		return false, fault("remove file", err)
	}
	return true, nil
}
