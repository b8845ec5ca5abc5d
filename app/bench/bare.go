package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// bare is whatsmeow as it comes: its default settings, its own store, a handler that only
// counts. It acknowledges before anything is kept and keeps no message at all.
type bare struct {
	counter
	db        *sql.DB
	container *sqlstore.Container
	web       *http.Client
	clients   []*whatsmeow.Client
	numbers   []string
}

// database is an SQLite for database/sql, in WAL mode with synchronous=NORMAL.
type database struct{ name, driver, options string }

// openBare opens the store, with the devices that were linked before.
func openBare(ctx context.Context, w *world, dir string) (_ *bare, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// Like the server does, and before the first connection: it is one variable of the process.
	if whatsmeow.WACertPubKey, err = w.Info.CertKey(); err != nil {
		return nil, err
	}
	b := &bare{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.web, err = w.Info.HTTPClient(); err != nil {
		return nil, err
	}
	b.db, err = sql.Open(yardstick.driver, "file:"+filepath.Join(dir, "bare.db")+yardstick.options)
	if err != nil {
		return nil, err
	}
	b.db.SetMaxOpenConns(bareConns)
	b.db.SetMaxIdleConns(bareConns)
	b.container = sqlstore.NewWithDB(b.db, "sqlite3", waLog.Noop)
	if err := b.container.Upgrade(ctx); err != nil {
		return nil, err
	}
	devices, err := b.container.GetAllDevices(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		b.clients = append(b.clients, b.client(d))
	}
	return b, nil
}

func (b *bare) client(d *store.Device) *whatsmeow.Client {
	c := whatsmeow.NewClient(d, waLog.Noop)
	c.SetWebsocketHTTPClient(b.web)
	c.SetPreLoginHTTPClient(b.web)
	c.SetMediaHTTPClient(b.web)
	c.AddEventHandler(func(event any) {
		if _, ok := event.(*events.Message); ok {
			b.add(1)
		}
	})
	return c
}

// connectAll connects all devices at once and returns when all have logged in.
func (b *bare) connectAll(ctx context.Context) error {
	var g errgroup.Group
	for _, c := range b.clients {
		in := make(chan struct{})
		var once sync.Once
		c.AddEventHandler(func(event any) {
			if _, ok := event.(*events.Connected); ok {
				once.Do(func() { close(in) })
			}
		})
		g.Go(func() error {
			if err := c.ConnectContext(ctx); err != nil {
				return err
			}
			select {
			case <-in:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	return g.Wait()
}

// linkMore links devices until there are so many.
func (b *bare) linkMore(ctx context.Context, w *world, n int) error {
	for i := len(b.clients); i < n; i++ {
		if err := b.link(ctx, w, fmt.Sprintf("Bare %d", i+1)); err != nil {
			return err
		}
	}
	return nil
}

// bareConns is how many connections to its file whatsmeow gets.
const bareConns = 4

func (b *bare) link(ctx context.Context, w *world, name string) error {
	number, err := w.phone(ctx, name)
	if err != nil {
		return err
	}
	c := b.client(b.container.NewDevice())
	b.clients = append(b.clients, c)
	codes, ready := make(chan string, 1), make(chan struct{})
	var shown, paired, logged atomic.Bool
	c.AddEventHandler(func(event any) {
		switch e := event.(type) {
		case *events.QR:
			if !shown.Swap(true) {
				codes <- e.Codes[0]
			}
		case *events.PairSuccess:
			paired.Store(true)
		case *events.Connected:
			if paired.Load() && !logged.Swap(true) {
				close(ready)
			}
		}
	})
	if err := c.ConnectContext(ctx); err != nil {
		return err
	}
	select {
	case code := <-codes:
		if err := w.scan(ctx, number, code); err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	b.numbers = append(b.numbers, number)
	return nil
}

func (b *bare) name() string { return bareName() }
func bareName() string       { return "bare whatsmeow on " + yardstick.name }

func (b *bare) phones() []string { return b.numbers }

func (b *bare) send(ctx context.Context, from int, to, text string) error {
	_, err := b.clients[from].SendMessage(ctx, types.NewJID(to[1:], types.DefaultUserServer), &waE2E.Message{Conversation: proto.String(text)})
	return err
}

func (b *bare) close() error {
	for _, c := range b.clients {
		c.Disconnect()
	}
	if b.db == nil {
		return nil
	}
	return b.db.Close()
}
