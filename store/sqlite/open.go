package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

// Config says where the file is.
type Config struct {
	Path    string      // made when missing, with its folder; readable by its owner alone
	Log     *zap.Logger // nil: silent
	Readers int         // connections that read; 0: as many as there are CPUs, at least 4
}

// Store is the back end. Close it.
type Store struct {
	w   *writer
	r   *readers
	log *zap.Logger

	owned  owned // sessions
	duties dutiesTaken

	stop  context.CancelFunc // of the work that Open left behind
	tasks sync.WaitGroup
	once  sync.Once
}

var _ store.Store = (*Store)(nil)

// Open opens the file and brings its tables up to date. Several processes may have the
// same file open.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" {
		return nil, errors.New("open sqlite: no path given")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Readers <= 0 {
		cfg.Readers = max(4, runtime.NumCPU())
	}
	if err := ctx.Err(); err != nil {
		return nil, fault("open sqlite", err)
	}
	if err := private(cfg.Path); err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, fault("open sqlite file "+cfg.Path, err)
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.tasks.Go(func() { s.finishDeletes(background) })
	return s, nil
}

func open(ctx context.Context, cfg Config) (*Store, error) {
	c, err := openFirst(ctx, cfg.Path,
		"journal_mode=WAL", "synchronous=FULL", "foreign_keys=1",
		"cache_size=-32768", "journal_size_limit=67108864", "temp_store=MEMORY") // the writer makes the checkpoints
	if err != nil {
		return nil, err
	}
	if err := migrate(c, migrations, cfg.Log); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if err := private(cfg.Path); err != nil { // SQLite may have made its side files anew
		return nil, errors.Join(err, c.close())
	}
	w := newWriter(c, cfg.Log)
	r, err := openReaders(cfg.Path, cfg.Readers)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return &Store{w: w, r: r, log: cfg.Log}, nil
}

// openFirst is openConn for the connection that makes a new file what it is. Others may be doing
// the same at this moment, and SQLite waits for none of them then, whatever its busy timeout:
// the turn of the journal to WAL fails as busy at once, and an opening that finds the WAL of an empty
// file removes it, and fails when another has done so before. So it is tried again for as
// long as the busy timeout.
func openFirst(ctx context.Context, path string, pragmas ...string) (*conn, error) {
	const pause = 5 * time.Millisecond
	for deadline := time.Now().Add(busyTimeout); ; {
		c, err := openConn(path, pragmas...)
		if err == nil || !opensElsewhere(err) || time.Now().After(deadline) {
			return c, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// opensElsewhere says that an opening failed because of another one.
func opensElsewhere(err error) bool {
	return errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.IOERR_DELETE_NOENT)
}

// private makes the file and its two side files if they are missing, and lets no one
// but their owner read them: they hold keys and messages.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		err = f.Chmod(0o600)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Name is "sqlite".
func (s *Store) Name() string { return "sqlite" }

// Ping writes one row and reads it back.
func (s *Store) Ping(ctx context.Context) error {
	now := time.Now().UnixMilli()
	err := s.w.write(ctx, "ping", func(c *conn) error {
		_, err := c.exec(`INSERT INTO pings (num, at) VALUES (1, ?) ON CONFLICT DO UPDATE SET at = excluded.at`, now)
		return err
	})
	if err != nil {
		return err
	}
	return s.r.read(ctx, "ping", func(c *conn) error {
		_, found, err := c.number(`SELECT at FROM pings`)
		if err == nil && !found {
			err = fmt.Errorf("%w: what was written cannot be read", store.ErrUnavailable)
		}
		return err
	})
}

// Close lets what is queued be written, then closes the file.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		s.stop()
		s.tasks.Wait()
		err = errors.Join(s.r.close(), s.w.close())
	})
	if err != nil {
		return fmt.Errorf("close sqlite: %w", err)
	}
	return nil
}

// Users keeps accounts.
func (s *Store) Users() store.Users { return users{s} }

// Tokens keeps access tokens.
func (s *Store) Tokens() store.Tokens { return tokens{s} }

// APIKeys keeps API keys.
func (s *Store) APIKeys() store.APIKeys { return apiKeys{s} }

// Audit keeps who did what.
func (s *Store) Audit() store.Audit { return audit{s} }

// Sessions keeps sessions.
func (s *Store) Sessions() store.Sessions { return sessions{s} }

// Chats reads chats.
func (s *Store) Chats() store.Chats { return chats{s} }

// Contacts reads contacts.
func (s *Store) Contacts() store.Contacts { return contacts{s} }

// Messages reads messages and deletes old ones.
func (s *Store) Messages() store.Messages { return messages{s} }

// Log keeps units and the events in them.
func (s *Store) Log() store.Log { return eventLog{s} }

// Leases say who owns a session: whoever opened the file and asks.
func (s *Store) Leases() store.Leases { return leases{s} }

// Duties say who does what one does for all: whoever opened the file and asks.
func (s *Store) Duties() store.Duties { return duties{s} }

// Changes tell of nothing: nobody else writes.
func (s *Store) Changes() store.Changes { return changes{} }

// Devices reads the state of linked devices.
func (s *Store) Devices() store.Devices { return devices{s} }

// Tasks reads what sessions still have to do.
func (s *Store) Tasks() store.Tasks { return tasks{s} }

// Webhooks keeps webhooks.
func (s *Store) Webhooks() store.Webhooks { return webhooks{s} }

// Deliveries keeps what became of events at webhooks.
func (s *Store) Deliveries() store.Deliveries { return deliveries{s} }

// Files keeps the records of files.
func (s *Store) Files() store.Files { return files{s} }

// Idempotency keeps calls by their key.
func (s *Store) Idempotency() store.Idempotency { return idempotency{s} }

// Secrets keeps the server's own secrets.
func (s *Store) Secrets() store.Secrets { return secrets{s} }
