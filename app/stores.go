package app

import (
	"context"
	"fmt"
	"path/filepath"

	"go.uber.org/zap"

	"whatsapp-api/configs"
	"whatsapp-api/store"
	"whatsapp-api/store/mongo"
	"whatsapp-api/store/sqlite"
)

// openStore opens MongoDB when it is configured, else the SQLite file.
func openStore(ctx context.Context, cfg configs.Config, sandbox bool, log *zap.Logger) (store.Store, error) {
	if cfg.MongoDBURI != "" {
		name := "whatsapp_api"
		if sandbox {
			name = "whatsapp_api_sandbox"
		}
		st, err := mongo.Open(ctx, mongo.Config{URI: string(cfg.MongoDBURI), Database: name, Log: log.Named("mongodb")})
		if err != nil {
			return nil, fmt.Errorf("MONGODB_URI: %w", err)
		}
		return st, nil
	}
	path := filepath.Join(dataDir(cfg, sandbox), "whatsapp-api.db")
	st, err := sqlite.Open(ctx, sqlite.Config{Path: path, Log: log.Named("sqlite")})
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	return st, nil
}
