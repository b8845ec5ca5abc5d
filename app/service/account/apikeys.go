package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// keyMark begins every API key, so that one is told from an access token, and found by
// scanners when it was published by mistake.
const keyMark = "wak_"

// IsToken says whether a text looks like an access token or an API key; whether it is good, Check says.
func IsToken(text string) bool {
	return strings.HasPrefix(text, keyMark) || strings.Count(text, ".") == 2
}

// maxKeys bounds how many keys one user may have.
const maxKeys = 100

// Keys gives out API keys and checks them. A key is 256 random bits; only its SHA-256 is
// kept, which is enough for something that cannot be guessed.
type Keys struct {
	Records store.APIKeys
	Users   store.Users
	Scopes  func() []string // all that exist
	Log     *zap.Logger

	known *lru.Cache[[sha256.Size]byte, knownToken]

	changed func() // tells that some key was changed or deleted

	mu   sync.Mutex
	used map[string]time.Time // not yet noted in the store
}

// NewKeys makes the rules of API keys.
func NewKeys(records store.APIKeys, users store.Users, log *zap.Logger) *Keys {
	known, err := lru.New[[sha256.Size]byte, knownToken](10_000)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &Keys{Records: records, Users: users, Log: log, known: known, used: map[string]time.Time{}, Scopes: func() []string { return nil }, changed: func() {}}
}

// KeySpec is what a key is made of, or changed to; nil leaves as is in a change.
type KeySpec struct {
	Name      *string
	Scopes    []string
	Sessions  *[]string // nil inside: all
	Addresses *[]string // nil inside: all
	ExpiresAt *time.Time
}

// Create makes a key for its owner and returns it with the secret, which is shown only now.
// service.Invalid.
func (k *Keys) Create(ctx context.Context, who service.Caller, w KeySpec) (key store.APIKey, secret string, err error) {
	r := store.APIKey{ID: service.NewID("key_"), OwnerID: who.User.ID, CreatedAt: service.Now()}
	if w.Name == nil {
		return r, "", service.Invalid{"name": "is needed"}
	}
	if len(w.Scopes) == 0 {
		return r, "", service.Invalid{"scopes": "needs one or more; * for all"}
	}
	if err := k.apply(&r, w); err != nil {
		return r, "", err
	}
	have, _, err := k.Records.List(ctx, who.User.ID, store.Page{Limit: maxKeys})
	if err != nil {
		return r, "", fmt.Errorf("count keys: %w", err)
	}
	if len(have) >= maxKeys {
		return r, "", service.Invalid{"name": fmt.Sprintf("a user may have %d keys at most", maxKeys)}
	}
	secret = freshKey(&r)
	if err := k.Records.Create(ctx, r); err != nil {
		return r, "", fmt.Errorf("create key: %w", err)
	}
	k.Log.Info("api key created", zap.String("user", r.OwnerID), zap.String("key", r.ID))
	return r, secret, nil
}

// freshKey gives a record a new secret and returns it.
func freshKey(r *store.APIKey) string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails, see crypto/rand
	secret := keyMark + base64.RawURLEncoding.EncodeToString(raw)
	sum := sha256.Sum256([]byte(secret))
	r.Hash, r.Prefix = sum[:], secret[:len(keyMark)+6]
	return secret
}

var scopeForm = regexp.MustCompile(`^(\*|[a-z]+:(\*|[a-z]+))$`)

func (k *Keys) apply(r *store.APIKey, w KeySpec) error {
	wrong := service.Invalid{}
	if w.Name != nil {
		wrong.Check("name", service.CheckName(*w.Name))
		r.Name = strings.TrimSpace(*w.Name)
	}
	if w.Scopes != nil {
		for _, s := range w.Scopes {
			if !scopeForm.MatchString(s) || !slices.ContainsFunc(k.Scopes(), func(known string) bool { return service.Covers(s, known) }) {
				wrong["scopes"] = fmt.Sprintf("%q covers nothing; known are %s, and * or messages:* for many", s, strings.Join(k.Scopes(), " "))
			}
		}
		r.Scopes = w.Scopes
	}
	if w.Sessions != nil {
		for _, s := range *w.Sessions {
			if !service.IsSessionID(s) {
				wrong["sessions"] = fmt.Sprintf("%q is no session id", s)
			}
		}
		r.Sessions = *w.Sessions
	}
	if w.Addresses != nil {
		for _, a := range *w.Addresses {
			if _, err := netip.ParsePrefix(a); err != nil {
				wrong["addresses"] = fmt.Sprintf("%q is not a network such as 10.0.0.0/8 or 203.0.113.7/32", a)
			}
		}
		r.Addresses = *w.Addresses
	}
	if w.ExpiresAt != nil {
		r.ExpiresAt = w.ExpiresAt.UTC().Truncate(time.Millisecond)
		if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(service.Now()) {
			wrong["expiresAt"] = "must be in the future"
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

// Grants lists all that a key can be given: everything, groups of scopes, and single scopes.
func Grants(scopes []string) []string {
	all := []string{"*"}
	for _, s := range scopes {
		group, _, _ := strings.Cut(s, ":")
		all = append(all, group+":*", s)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Get finds a key of the caller's; admins find all. store.ErrNotFound.
func (k *Keys) Get(ctx context.Context, who service.Caller, id string) (store.APIKey, error) {
	r, err := k.Records.Get(ctx, id)
	if err == nil && r.OwnerID != who.User.ID && !who.Admin() {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.APIKey{}, fmt.Errorf("get key: %w", err)
	}
	return r, nil
}

// Change changes a key. service.Invalid, store.ErrNotFound.
func (k *Keys) Change(ctx context.Context, who service.Caller, id string, w KeySpec) (store.APIKey, error) {
	return k.update(ctx, who, id, func(r *store.APIKey) error { return k.apply(r, w) })
}

// Rotate gives a key a new secret; the old one is refused from now on.
func (k *Keys) Rotate(ctx context.Context, who service.Caller, id string) (store.APIKey, string, error) {
	var secret string
	r, err := k.update(ctx, who, id, func(r *store.APIKey) error {
		secret = freshKey(r)
		return nil
	})
	return r, secret, err
}

func (k *Keys) update(ctx context.Context, who service.Caller, id string, change func(*store.APIKey) error) (store.APIKey, error) {
	if _, err := k.Get(ctx, who, id); err != nil {
		return store.APIKey{}, err
	}
	r, err := k.Records.Update(ctx, id, change)
	k.known.Purge()
	k.changed()
	if err != nil {
		return store.APIKey{}, fmt.Errorf("change key: %w", err)
	}
	return r, nil
}

// Delete ends a key. store.ErrNotFound.
func (k *Keys) Delete(ctx context.Context, who service.Caller, id string) error {
	if _, err := k.Get(ctx, who, id); err != nil {
		return err
	}
	if err := k.Records.Delete(ctx, id); err != nil {
		return fmt.Errorf("delete key: %w", err)
	}
	k.known.Purge()
	k.changed()
	k.Log.Info("api key deleted", zap.String("user", who.User.ID), zap.String("key", id))
	return nil
}

// Check says whose key it is. service.ErrUnauthorized: it is not good, or no longer.
func (k *Keys) Check(ctx context.Context, secret string) (service.Caller, error) {
	sum := sha256.Sum256([]byte(secret))
	c, ok := k.known.Get(sum)
	if !ok || !time.Now().Before(c.until) {
		caller, err := k.look(ctx, sum[:])
		if err != nil {
			return service.Caller{}, err
		}
		c = knownToken{caller, time.Now().Add(knownFor)}
		k.known.Add(sum, c)
	}
	if !c.caller.ExpiresAt.IsZero() && !time.Now().Before(c.caller.ExpiresAt) {
		return service.Caller{}, service.ErrUnauthorized
	}
	k.mu.Lock()
	k.used[c.caller.Key.ID] = service.Now()
	k.mu.Unlock()
	return c.caller, nil
}

func (k *Keys) look(ctx context.Context, hash []byte) (service.Caller, error) {
	r, err := k.Records.ByHash(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return service.Caller{}, service.ErrUnauthorized
	}
	if err != nil {
		return service.Caller{}, fmt.Errorf("check key: %w", err)
	}
	u, err := k.Users.Get(ctx, r.OwnerID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !u.Active {
		return service.Caller{}, service.ErrUnauthorized
	}
	if err != nil {
		return service.Caller{}, fmt.Errorf("check key: %w", err)
	}
	return service.Caller{User: u, Key: &r, TokenID: r.ID, ExpiresAt: r.ExpiresAt}, nil
}

// Changed forgets what is remembered of a user's keys.
func (k *Keys) Changed() { k.known.Purge() }

// Run notes in the store, now and then, when keys were used last. It returns when ctx ends,
// after a last note.
func (k *Keys) Run(ctx context.Context) error {
	const every = 15 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.note(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			k.note(last)
			return nil
		}
	}
}

func (k *Keys) note(ctx context.Context) {
	k.mu.Lock()
	used := k.used
	k.used = map[string]time.Time{}
	k.mu.Unlock()
	if len(used) == 0 {
		return
	}
	if err := k.Records.Used(ctx, used); err != nil {
		k.Log.Warn("last use of keys not noted", zap.Error(err))
	}
}
