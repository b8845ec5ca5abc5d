package folder

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"whatsapp-api/media"
)

// Walk reads the two levels of folders, one at a time. Files whose name is no sum are not ours, and
// left alone.
func (f *Folder) Walk(ctx context.Context, fn func(media.Blob) error) error {
	outer, err := f.dirs(f.path)
	if err != nil {
		return err
	}
	for _, dir := range outer {
		inner, err := f.dirs(dir)
		if err != nil {
			return err
		}
		for _, leaf := range inner {
			if err := f.walkLeaf(ctx, leaf, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// dirs are the folders in dir that have names of two letters, in order.
func (f *Folder) dirs(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault("walk files", err)
	}
	for _, e := range entries {
		if e.IsDir() && len(e.Name()) == 2 {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names, nil
}

func (f *Folder) walkLeaf(ctx context.Context, leaf string, fn func(media.Blob) error) error {
	entries, err := os.ReadDir(leaf)
	if err != nil {
		return fault("walk files", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return fault("walk files", err)
		}
		sum, err := media.ParseSum(e.Name())
		if err != nil || f.name(sum) != filepath.Join(leaf, e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		if err != nil {
			return fault("walk files", err)
		}
		if err := fn(blobOf(sum, info)); err != nil {
			return err
		}
	}
	return nil
}

// Sweep removes files that are still on their way in and were written to last before this time.
func (f *Folder) Sweep(ctx context.Context, before time.Time) error {
	dir := filepath.Join(f.path, incoming)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault("sweep files", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it has its name now
			return fault("sweep files", err)
		}
	}
	return nil
}
