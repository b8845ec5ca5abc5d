package mongotest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/servertest"
)

// shared are the servers that the tests of one binary have in common.
type shared struct {
	mu   sync.Mutex
	lone *Server
	set  *Server
}

var servers shared

func (s *shared) get(replicaSet bool) (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	server := &s.lone
	if replicaSet {
		server = &s.set
	}
	if *server == nil {
		started, err := newServer(servertest.DataDir(), replicaSet, smallCache)
		if err != nil {
			return nil, err
		}
		*server = started
	}
	return *server, nil
}

func (s *shared) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, server := range []**Server{&s.lone, &s.set} {
		if *server != nil {
			errs = append(errs, (*server).stop())
			*server = nil
		}
	}
	return errors.Join(errs...)
}

// runner is what testing.M is for TestMain.
type runner interface{ Run() int }

type main struct{ m runner }

// Main wraps TestMain's m: what it returns runs the tests and stops the shared servers.
func Main(m runner) interface{ Run() int } { return main{m} }

func (m main) Run() int {
	code := m.m.Run()
	if err := servers.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the shared mongod:", err)
		code = max(code, 1)
	}
	return code
}

// Lone returns the address of an empty database on a server that is no replica set. With
// MONGODB_TEST_URI it is on that server, whatever it is, and dropped after the test.
func Lone(t testing.TB) (uri string) {
	t.Helper()
	if given := os.Getenv("MONGODB_TEST_URI"); given != "" {
		return onGiven(t, given)
	}
	return onShared(t, false)
}

// ReplicaSet returns the address of an empty database on a replica set of one.
func ReplicaSet(t testing.TB) (uri string) {
	t.Helper()
	return onShared(t, true)
}

func onShared(t testing.TB, replicaSet bool) string {
	t.Helper()
	server, err := servers.get(replicaSet)
	if err != nil {
		missing(t, err)
	}
	return server.URI(database())
}

func database() string { return "test_" + rand.Text() }

func onGiven(t testing.TB, given string) string {
	t.Helper()
	u, err := url.Parse(given)
	if err != nil {
		t.Fatalf("MONGODB_TEST_URI: %v", err)
	}
	name := database()
	u.Path = "/" + name
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		client, err := mongo.Connect(options.Client().ApplyURI(given))
		if err == nil {
			err = errors.Join(client.Database(name).Drop(ctx), client.Disconnect(ctx))
		}
		if err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return u.String()
}
