package mongo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

const (
	defaultDatabase = "whatsapp_api"
	defaultTimeout  = 10 * time.Second
	minWireVersion  = 9 // MongoDB 4.4
)

// Config says where the database is.
type Config struct {
	URI      string      // mongodb://… or mongodb+srv://…
	Database string      // when the URI names none; empty: "whatsapp_api"
	Log      *zap.Logger // nil: silent

	// Timeout is how long a call may wait for the server, or for one that can be written
	// to, until it is unavailable. 0: timeoutMS of the URI, else 10 seconds.
	Timeout time.Duration

	// Owner is what this process is called in what others are told of the sessions that it owns.
	// Empty: its number and the name of its machine.
	Owner string
	// Lease is how long sessions stay this process's without a word of it. 0: 15 seconds.
	Lease time.Duration
}

// Store is the back end. Close it.
type Store struct {
	client     *mongo.Client
	log        *zap.Logger
	timeout    time.Duration
	col        collections
	lines      lines
	leased     held
	duties     dutiesTaken
	raised     raised
	inserts    *gather[unitDoc]
	writers    map[string]*writer // by collection
	headWriter *gather[headChange]
	uid        string // random: this opening, as the owner of sessions
	name       string // what it is called in what others are told
	process    *processDoc
	admins     sync.Mutex // this process makes one change among admins at a time
	hooks      hooks

	pace pace

	stop  context.CancelFunc // of the work in the background
	tasks sync.WaitGroup
	once  sync.Once
}

// collections of the database. All are written with the strongest concern: projections
// too, since one that a new primary or a restart had lost could not be told from one that was
// made, once a later one stands in the same document. A head alone may be lost: then what
// is there already is projected again, and changes nothing.
type collections struct {
	users, tokens, apiKeys, audit, webhooks, cursors, deliveries, sessions, units, chunks, calls, secrets, pings *mongo.Collection
	chats, contacts, messages, receipts, keys, tasks, meta, contested, duties, graves                            *mongo.Collection
	files, blobFiles, blobChunks                                                                                 *mongo.Collection

	heads *mongo.Collection // sessions, written with w:1
}

// hooks let tests stop in the middle of things. All nil in use.
type hooks struct {
	inserted   func(unit int64) error // after the insert of a unit
	projected  func(unit int64) error // after its projection, before the head says so
	inserting  func(unit int64)       // before the insert
	projecting func(unit int64)       // after the look at the head, before what the unit changes is written
	keepAll    bool                   // nothing is made durable, so no unit is stripped
}

var _ store.Store = (*Store)(nil)

// pace is how long things may wait until they are done in the background.
type pace struct{ project, durable, lease time.Duration }

// Open connects, refuses a server that is too old and a database that a newer program has written,
// brings an older one up to date and makes the indexes that lack.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	return open(ctx, cfg, pace{projectAfter, durableEvery, cmp.Or(cfg.Lease, leaseLasts)})
}

func open(ctx context.Context, cfg Config, p pace) (*Store, error) {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	cs, err := connstring.ParseAndValidate(cfg.URI)
	if err != nil {
		return nil, fmt.Errorf("open mongodb: the URI: %w", err)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = cs.Timeout
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cs.Database != "" {
		cfg.Database = cs.Database
	}
	if cfg.Database == "" {
		cfg.Database = defaultDatabase
	}
	client, err := mongo.Connect(options.Client().ApplyURI(cfg.URI).
		SetBSONOptions(codecOptions()).SetTimeout(cfg.Timeout).SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: ptr(true)}))
	if err != nil {
		return nil, fmt.Errorf("open mongodb: %w", err)
	}
	s := &Store{client: client, log: cfg.Log, timeout: cfg.Timeout, pace: p, uid: rand.Text(), name: cmp.Or(cfg.Owner, thisProcess()), process: thisOne(), lines: lines{all: map[string]*line{}, closed: make(chan struct{})}}
	s.use(client.Database(cfg.Database))
	s.gathers()
	err = s.prepare(ctx, client.Database(cfg.Database))
	if err == nil {
		err = s.expireDead(ctx)
	}
	if err != nil {
		return nil, errors.Join(fault("open mongodb", err), s.disconnect())
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.tasks.Go(func() { s.finishDeletes(background) })
	s.tasks.Go(func() { s.keepDurable(background) })
	s.tasks.Go(func() { s.keepLeases(background) })
	return s, nil
}

func (s *Store) use(db *mongo.Database) {
	s.col = collections{
		users: db.Collection("users"), tokens: db.Collection("tokens"), apiKeys: db.Collection("api_keys"), audit: db.Collection("audit"), webhooks: db.Collection("webhooks"), cursors: db.Collection("webhook_cursors"), deliveries: db.Collection("deliveries"), sessions: db.Collection("sessions"),
		units: db.Collection("units"), chunks: db.Collection("chunks"), calls: db.Collection("calls"),
		secrets: db.Collection("secrets"), pings: db.Collection("pings"), chats: db.Collection("chats"),
		contacts: db.Collection("contacts"), messages: db.Collection("messages"), receipts: db.Collection("receipts"),
		keys: db.Collection("keys"), tasks: db.Collection("tasks"), meta: db.Collection("meta"), contested: db.Collection("contested"), duties: db.Collection("duties"), graves: db.Collection("graves"),
		files: db.Collection("files"), blobFiles: db.Collection("media.files"), blobChunks: db.Collection("media.chunks"),
		heads: db.Collection("sessions", options.Collection().SetWriteConcern(writeconcern.W1())),
	}
}

// gathers makes what puts the writes of several sessions into one command.
func (s *Store) gathers() {
	s.inserts = newInserts()
	s.headWriter = &gather[headChange]{atOnce: 1, most: 256, bytes: 256, size: func(headChange) int { return 1 }}
	s.writers = map[string]*writer{}
	for _, c := range []*mongo.Collection{s.col.contacts, s.col.chats, s.col.messages, s.col.receipts, s.col.keys, s.col.tasks} {
		s.writers[c.Name()] = newWriter()
	}
}

func (s *Store) prepare(ctx context.Context, db *mongo.Database) error {
	var hello struct {
		Wire int `bson:"maxWireVersion"`
	}
	if err := db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		var command mongo.CommandError
		if !errors.As(err, &command) || command.Code != 59 { // 59: it does not even know "hello"
			return err
		}
	}
	if err := newEnough(hello.Wire); err != nil {
		return err
	}
	ctx, cancel := unbounded(ctx) // an index on a full collection takes its time
	defer cancel()
	if err := s.upToDate(ctx, db); err != nil {
		return err
	}
	return s.index(ctx)
}

func newEnough(wire int) error {
	if wire < minWireVersion {
		return fmt.Errorf("the server is too old: MongoDB 4.4 or newer is needed (its wire version is %d, needed is %d)",
			wire, minWireVersion)
	}
	return nil
}

// bounded gives several calls of the server together the time limit of one.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// unbounded is for what may rightly take long.
func unbounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 24*time.Hour)
}

// Name is "mongodb".
func (s *Store) Name() string { return "mongodb" }

// Ping writes one document, acknowledged like a commit.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.col.pings.UpdateByID(ctx, 1, bson.D{{Key: "$set", Value: bson.D{{Key: "at", Value: time.Now().UnixMilli()}}}},
		options.UpdateOne().SetUpsert(true))
	return fault("ping", err)
}

// Close waits for the commits that are under way, makes durable what was projected, gives the
// sessions back, and disconnects.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		s.stop()
		s.closeLines()
		s.giveBackAll()
		s.tasks.Wait()
		err = s.disconnect()
	})
	if err != nil {
		return fmt.Errorf("close mongodb: %w", err)
	}
	return nil
}

func (s *Store) disconnect() error {
	ctx, cancel := s.bounded(context.Background())
	defer cancel()
	return s.client.Disconnect(ctx)
}

func ptr[T any](v T) *T { return &v }

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

// Leases say which process owns a session.
func (s *Store) Leases() store.Leases { return leases{s} }

// Duties say which process does what one does for all.
func (s *Store) Duties() store.Duties { return duties{s} }

// Changes tell of what other processes have written.
func (s *Store) Changes() store.Changes { return changes{s} }

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
