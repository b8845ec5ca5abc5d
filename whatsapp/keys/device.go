package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow/proto/waAdv"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"

	"whatsapp-api/store"
)

var (
	// ErrClosed is returned by writes and commits after Close, and by commits when the session
	// was deleted from the store.
	ErrClosed = errors.New("device state is closed")
	// ErrNoJID is returned when an unlinked device is saved before its JID is known.
	ErrNoJID = errors.New("device has no JID yet")
	// ErrCorrupt is returned when a kept value cannot be understood.
	ErrCorrupt = errors.New("malformed device state")
)

// Config says whose device state it is and where it is kept.
type Config struct {
	Session    string
	Devices    store.Devices
	Log        store.Log
	Logger     waLog.Logger     // nil: none
	CacheSize  int              // values held in memory, 0: 512
	CacheBytes int              // bytes held in memory, 0: 256 KiB
	Now        func() time.Time // nil: time.Now
}

// Device is the device state of one session, which this process owns. It is safe for
// concurrent use. While nothing is pending it has no goroutine and no timer.
type Device struct {
	session string
	devices store.Devices
	log     store.Log
	logger  waLog.Logger
	now     func() time.Time
	wa      *wastore.Device

	prekeys sync.Mutex // held while prekeys are numbered; before writing
	knowing sync.Mutex // held while the buffer's hashes are read; before mu
	writing sync.Mutex // held by the one writer; before committing and mu
	// committing holds one token while a commit is in flight; before mu.
	committing chan struct{}

	room  chan struct{}  // holds a token for every unit of KeepReceived that waits
	later sync.WaitGroup // counts those too

	mu         sync.Mutex // guards what follows; never held over I/O
	buffer     *filter    // what the store's buffer may hold, see known.go
	known      bool       // buffer has all of it
	tooMany    bool       // of it to be known
	pending    overlay    // in no unit yet
	queue      []*entry   // in line to be kept, those being kept included
	last       *entry     // came last in line; done once all before it is
	cache      cache      // what the store has
	commits    uint64     // commits that succeeded
	decrypting string     // key in tableBuffer of the ciphertext that whatsmeow asked for last
	own        ownAddresses
	linked     bool
	deleted    bool
	closed     bool
	broken     error // why something of KeepReceived was not kept: nothing received is kept after it
	lost       bool  // the session is no longer ours
	armed      bool  // timer is running, or lazyFlush is
	lazyFailed bool
	timer      *time.Timer
	due        time.Time      // when timer is to fire, or is to be set anew for once lazyFlush has ended
	lazy       sync.WaitGroup // counts what is armed
}

// ownAddresses are the signal addresses of this device itself, and the account's users.
type ownAddresses struct{ pn, lid, phone, hidden string }

// stores gives whatsmeow its interfaces without making their methods part of Device.
type stores struct{ d *Device }

var (
	_ wastore.AllStores       = stores{}
	_ wastore.DeviceContainer = stores{}
)

// Open loads the linked device of the session, or makes a fresh unlinked one. A fresh
// device's keys are only in memory until whatsmeow saves it when it was paired. What a
// crash left half done in the session's log is finished first. The caller owns the session
// and closes the device; it must be the only one open for the session. [store.ErrNotFound]
// when there is no such session.
func Open(ctx context.Context, cfg Config) (*Device, error) {
	d := &Device{
		session: cfg.Session, devices: cfg.Devices, log: cfg.Log,
		logger: cfg.Logger, now: cfg.Now,
		committing: make(chan struct{}, 1), room: make(chan struct{}, maxWaiting),
		cache: cache{size: cfg.CacheSize, limit: cfg.CacheBytes},
	}
	if d.logger == nil {
		d.logger = waLog.Noop
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.cache.size <= 0 {
		d.cache.size = defaultCacheSize
	}
	if d.cache.limit <= 0 {
		d.cache.limit = defaultCacheBytes
	}
	if err := d.log.Recover(ctx, d.session); err != nil {
		return nil, fmt.Errorf("open device of %s: %w", d.session, err)
	}
	raw, err := d.get(ctx, tableDevice, "self")
	if err != nil {
		return nil, fmt.Errorf("open device of %s: %w", d.session, err)
	}
	if raw == nil {
		d.wa = freshDevice()
	} else if d.wa, err = decodeDevice(raw); err != nil {
		return nil, fmt.Errorf("open device of %s: %w", d.session, err)
	}
	d.linked = raw != nil
	d.own = addressesOf(d.wa)
	s := stores{d}
	d.wa.Log = d.logger
	d.wa.SetAllStores(s)
	d.wa.LIDs, d.wa.Container = s, s
	d.wa.Initialized = true
	return d, nil
}

// Whatsmeow returns what [go.mau.fi/whatsmeow.NewClient] takes. After whatsmeow has
// deleted it (logged out), open the session's device anew to link it again.
func (d *Device) Whatsmeow() *wastore.Device { return d.wa }

// Linked says whether the device is kept as linked to an account.
func (d *Device) Linked() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.linked
}

// Close keeps what is pending and ends the timer. Writes and commits after it return
// ErrClosed. When it fails, what was pending is not kept; Close may be called again.
func (d *Device) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	if d.timer != nil && d.timer.Stop() {
		d.armed = false
		d.lazy.Done()
	}
	d.timer = nil
	d.mu.Unlock()
	err := d.Flush(ctx)
	d.later.Wait() // all in line was kept, or failed
	d.lazy.Wait()  // bounded by lazyTimeout
	if err != nil {
		return fmt.Errorf("close device of %s: %w", d.session, err)
	}
	return nil
}

// writable says why nothing may be written, if so.
func (d *Device) writable() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return ErrClosed
	case d.deleted:
		return wastore.ErrDeviceDeleted
	}
	return nil
}

// PutDevice keeps the device. When it was not linked before, everything that an earlier
// account left is removed in the same unit.
func (s stores) PutDevice(ctx context.Context, wa *wastore.Device) error {
	if wa.ID == nil {
		return ErrNoJID
	}
	raw, err := encodeDevice(wa)
	if err != nil {
		return err
	}
	put := func(c *change) error {
		c.set(tableDevice, "self", raw)
		return nil
	}
	d := s.d
	if d.Linked() {
		err = d.update(ctx, strict, put)
	} else {
		err = d.forget(ctx, put)
	}
	if err != nil {
		return fmt.Errorf("keep device: %w", err)
	}
	d.mu.Lock()
	d.linked = true
	d.own = addressesOf(wa)
	d.mu.Unlock()
	return nil
}

// DeleteDevice removes the device and all its state. Writes after it return
// [wastore.ErrDeviceDeleted].
func (s stores) DeleteDevice(ctx context.Context, wa *wastore.Device) error {
	if wa.ID == nil {
		return ErrNoJID
	}
	return s.d.Forget(ctx)
}

// Forget removes all device state of the session, as whatsmeow does when the account was
// logged out. The device is of no more use: its writes return [wastore.ErrDeviceDeleted],
// Commit still keeps units. Forgetting twice is no error.
func (d *Device) Forget(ctx context.Context) error {
	err := d.forget(ctx, nil)
	if err != nil && !errors.Is(err, wastore.ErrDeviceDeleted) {
		return fmt.Errorf("delete device: %w", err)
	}
	return nil
}

// forget removes the whole device state, and in the same unit keeps what put writes. With
// a nil put the device is dead afterwards. No writer runs meanwhile.
func (d *Device) forget(ctx context.Context, put func(c *change) error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if err := d.writable(); err != nil {
		return err
	}
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.leave()
	c := &change{d: d}
	if put != nil {
		if err := put(c); err != nil {
			return err
		}
	}
	d.mu.Lock()
	e := &entry{unit: store.Unit{ForgetKeys: true}, keys: c.writes, before: d.pending, done: make(chan struct{})}
	d.pending = overlay{}
	d.queue, d.last = append(d.queue, e), e
	d.mu.Unlock()
	d.drain(ctx, e)
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	if put == nil {
		d.deleted, d.linked = true, false
	}
	return nil
}

func addressesOf(wa *wastore.Device) (own ownAddresses) {
	if wa.ID != nil {
		own.pn, own.phone = wa.ID.SignalAddress().String(), wa.ID.User
	}
	if !wa.LID.IsEmpty() {
		own.lid, own.hidden = wa.LID.SignalAddress().String(), wa.LID.User
	}
	return own
}

func freshDevice() *wastore.Device {
	wa := &wastore.Device{
		NoiseKey:       keys.NewKeyPair(),
		IdentityKey:    keys.NewKeyPair(),
		RegistrationID: rand.Uint32(),
		AdvSecretKey:   random.Bytes(32),
	}
	wa.SignedPreKey = wa.IdentityKey.CreateSignedPreKey(1)
	return wa
}

// deviceRecord is the JSON of a linked device.
type deviceRecord struct {
	Version               int
	JID                   types.JID
	LID                   types.JID
	RegistrationID        uint32
	NoiseKey              []byte
	IdentityKey           []byte
	SignedPreKey          []byte
	SignedPreKeyID        uint32
	SignedPreKeySignature []byte
	AdvSecretKey          []byte
	AccountDetails        []byte
	AccountSignature      []byte
	AccountSignatureKey   []byte
	DeviceSignature       []byte
	Platform              string
	BusinessName          string
	PushName              string
	LIDMigrationTimestamp int64     `json:",omitempty"`
	CompanionMetaNonce    string    `json:",omitempty"`
	FacebookUUID          uuid.UUID `json:",omitzero"`
}

func encodeDevice(wa *wastore.Device) ([]byte, error) {
	raw, err := json.Marshal(deviceRecord{
		Version: format1,
		JID:     *wa.ID, LID: wa.LID,
		RegistrationID:        wa.RegistrationID,
		NoiseKey:              wa.NoiseKey.Priv[:],
		IdentityKey:           wa.IdentityKey.Priv[:],
		SignedPreKey:          wa.SignedPreKey.Priv[:],
		SignedPreKeyID:        wa.SignedPreKey.KeyID,
		SignedPreKeySignature: wa.SignedPreKey.Signature[:],
		AdvSecretKey:          wa.AdvSecretKey,
		AccountDetails:        wa.Account.GetDetails(),
		AccountSignature:      wa.Account.GetAccountSignature(),
		AccountSignatureKey:   wa.Account.GetAccountSignatureKey(),
		DeviceSignature:       wa.Account.GetDeviceSignature(),
		Platform:              wa.Platform, BusinessName: wa.BusinessName, PushName: wa.PushName,
		LIDMigrationTimestamp: wa.LIDMigrationTimestamp,
		CompanionMetaNonce:    wa.CompanionMetaNonce,
		FacebookUUID:          wa.FacebookUUID,
	})
	if err != nil {
		return nil, fmt.Errorf("encode device: %w", err)
	}
	return raw, nil
}

func decodeDevice(raw []byte) (*wastore.Device, error) {
	var r deviceRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("%w: device: %w", ErrCorrupt, err)
	}
	if r.Version != format1 {
		return nil, fmt.Errorf("%w: device version %d", ErrCorrupt, r.Version)
	}
	if len(r.NoiseKey) != 32 || len(r.IdentityKey) != 32 || len(r.SignedPreKey) != 32 || len(r.SignedPreKeySignature) != 64 {
		return nil, fmt.Errorf("%w: device keys", ErrCorrupt)
	}
	return &wastore.Device{
		NoiseKey:    keys.NewKeyPairFromPrivateKey([32]byte(r.NoiseKey)),
		IdentityKey: keys.NewKeyPairFromPrivateKey([32]byte(r.IdentityKey)),
		SignedPreKey: &keys.PreKey{
			KeyPair:   *keys.NewKeyPairFromPrivateKey([32]byte(r.SignedPreKey)),
			KeyID:     r.SignedPreKeyID,
			Signature: (*[64]byte)(r.SignedPreKeySignature),
		},
		RegistrationID: r.RegistrationID,
		AdvSecretKey:   r.AdvSecretKey,
		ID:             &r.JID, LID: r.LID,
		Account: &waAdv.ADVSignedDeviceIdentity{
			Details:             r.AccountDetails,
			AccountSignature:    r.AccountSignature,
			AccountSignatureKey: r.AccountSignatureKey,
			DeviceSignature:     r.DeviceSignature,
		},
		Platform: r.Platform, BusinessName: r.BusinessName, PushName: r.PushName,
		LIDMigrationTimestamp: r.LIDMigrationTimestamp,
		CompanionMetaNonce:    r.CompanionMetaNonce,
		FacebookUUID:          r.FacebookUUID,
	}, nil
}
