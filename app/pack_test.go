package app

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pack writes a folder into one compressed file.
func pack(t *testing.T, dir, file string) {
	t.Helper()
	f, err := os.Create(file)
	require.NoError(t, err)
	zip, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	require.NoError(t, err)
	all := tar.NewWriter(zip)
	require.NoError(t, all.AddFS(os.DirFS(dir)))
	require.NoError(t, errors.Join(all.Close(), zip.Close(), f.Close()))
}

// unpack is the opposite; it returns the folder.
func unpack(t *testing.T, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, root.Close()) }()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	zip, err := gzip.NewReader(f)
	require.NoError(t, err)
	for all := tar.NewReader(zip); ; {
		h, err := all.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		require.NoError(t, err)
		if h.Typeflag == tar.TypeDir {
			require.NoError(t, root.MkdirAll(h.Name, 0o700))
			continue
		}
		require.NoError(t, root.MkdirAll(filepath.Dir(h.Name), 0o700))
		out, err := root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = io.Copy(out, all)
		require.NoError(t, errors.Join(err, out.Close()))
	}
}
