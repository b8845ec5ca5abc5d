package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"

	"whatsapp-api/configs"
	"whatsapp-api/media"
	"whatsapp-api/media/folder"
	"whatsapp-api/media/s3"
	"whatsapp-api/store"
	"whatsapp-api/store/mongo"
)

// openFiles opens the place for files: the bucket that is configured, else the database where that is
// MongoDB, so that no server has files of its own, else a folder. Whoever cleans a place deletes what
// its store does not need; so a place is of one store, which has a name for that, and a sandbox has
// its own.
func openFiles(ctx context.Context, cfg configs.Config, opt Options, st store.Store) (media.Blobs, error) {
	name, err := st.Secrets().GetOrCreate(ctx, "files", []byte(rand.Text()))
	if err != nil {
		return nil, fmt.Errorf("name of the store: %w", err)
	}
	below := ""
	if opt.sandboxed() {
		below = "sandbox/"
	}
	if cfg.S3Endpoint != "" {
		b, err := s3.Open(ctx, s3.Config{
			Endpoint: cfg.S3Endpoint, Region: cfg.S3Region, Bucket: cfg.S3Bucket, Prefix: cfg.S3Prefix + below,
			AccessKey: string(cfg.S3AccessKey), SecretKey: string(cfg.S3SecretKey), Owner: string(name),
		})
		if err != nil {
			return nil, fmt.Errorf("S3_ENDPOINT: %w", err)
		}
		return b, nil
	}
	if database, ok := st.(*mongo.Store); ok {
		return database.Blobs(), nil
	}
	setting, path := "DATA_DIR", filepath.Join(dataDir(cfg, opt.sandboxed()), "media")
	if cfg.MediaDir != "" {
		setting, path = "MEDIA_DIR", filepath.Join(cfg.MediaDir, filepath.FromSlash(below))
	}
	f, err := folder.Open(path, string(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return f, nil
}
