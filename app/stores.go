package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"whatsapp-api/configs"
	"whatsapp-api/store"
	"whatsapp-api/store/mongo"
	"whatsapp-api/store/sqlite"
)

// openStore opens MongoDB when it is configured, else the SQLite file.
func openStore(ctx context.Context, cfg configs.Config, opt Options, log *zap.Logger) (store.Store, error) {
	if cfg.MongoDBURI != "" {
		name := "whatsapp_api"
		if opt.sandboxed() {
			name = "whatsapp_api_sandbox"
		}
		st, err := mongo.Open(ctx, mongo.Config{URI: string(cfg.MongoDBURI), Database: name, Owner: nameOf(cfg), Lease: opt.Lease, Log: log.Named("mongodb")})
		if err != nil {
			return nil, fmt.Errorf("MONGODB_URI: %w", err)
		}
		return st, nil
	}
	st, err := sqlite.Open(ctx, sqlite.Config{Path: sqlitePath(cfg, opt.sandboxed()), Log: log.Named("sqlite")})
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	return st, nil
}

// nameOf is what this server is called where another one is told that it owns a session.
func nameOf(cfg configs.Config) string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown machine"
	}
	name := fmt.Sprintf("process %d on %s", os.Getpid(), host)
	if cfg.Port != 0 {
		name += fmt.Sprintf(", port %d", cfg.Port)
	}
	return name
}

func sqlitePath(cfg configs.Config, sandbox bool) string {
	return filepath.Join(dataDir(cfg, sandbox), "whatsapp-api.db")
}

// own makes this process the one that runs the sessions in the SQLite file; a second server
// on it is refused. On MongoDB each session has an owner of its own, see store.Leases, and the
// answer is nil.
func own(cfg configs.Config, sandbox bool) (*sqlite.Owner, error) {
	if cfg.MongoDBURI != "" {
		return nil, nil
	}
	o, err := sqlite.Own(sqlitePath(cfg, sandbox))
	if errors.Is(err, sqlite.ErrOwned) {
		return nil, fmt.Errorf("DATA_DIR: %w; stop it, or set another DATA_DIR", err)
	}
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	return o, nil
}
