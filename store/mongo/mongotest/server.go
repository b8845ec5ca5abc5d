package mongotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/servertest"
)

// Server is a mongod with data of its own.
type Server struct {
	mongod  string
	dir     string
	port    int
	replica bool
	cacheGB string // empty: the server's own choice

	process *servertest.Process // nil: killed
}

// Start starts a server for one test, and stops it at its end.
func Start(t testing.TB, replicaSet bool) *Server {
	t.Helper()
	s, err := newServer(servertest.DataDir(), replicaSet, smallCache)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop mongod: %v", err)
		}
	})
	return s
}

// smallCache is for servers of which many run at once.
const smallCache = "0.25"

func newServer(dir string, replicaSet bool, cacheGB string) (*Server, error) {
	mongod, err := Find()
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, "mongod-"); err != nil {
		return nil, err
	}
	s := &Server{mongod: mongod, dir: dir, replica: replicaSet, cacheGB: cacheGB}
	if s.port, err = servertest.FreePort(); err == nil {
		err = s.start()
	}
	if err == nil && replicaSet {
		err = s.initiate()
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// URI is the address of a database on the server. It goes straight to it, so that a
// killed server is missed at once and found again at once.
func (s *Server) URI(database string) string {
	return fmt.Sprintf("mongodb://127.0.0.1:%d/%s?directConnection=true", s.port, database)
}

// Kill ends the server as a power cut would: nothing is written any more.
func (s *Server) Kill() error {
	if s.process == nil {
		return nil
	}
	err := s.process.Kill()
	s.process = nil
	return err
}

// Pause stops the server as one that hangs: connections stay, answers do not come.
func (s *Server) Pause() error { return s.process.Pause() }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.process.Resume() }

// Restart starts a killed server on the same data and port, and returns when it answers.
func (s *Server) Restart() error {
	if err := s.Kill(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.dir, "mongod.lock")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	if s.replica {
		return s.primary()
	}
	return nil
}

func (s *Server) stop() error {
	err := s.Kill()
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) start() error {
	args := []string{
		"--dbpath", s.dir, "--port", strconv.Itoa(s.port), "--bind_ip", "127.0.0.1", "--nounixsocket",
		"--logpath", filepath.Join(s.dir, "mongod.log"), "--logappend",
		"--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", "enableTestCommands=1",
	}
	if s.cacheGB != "" {
		args = append(args, "--wiredTigerCacheSizeGB", s.cacheGB)
	}
	if s.replica {
		args = append(args, "--replSet", "rs0", "--oplogSize", "100")
	}
	process, err := servertest.Start(exec.Command(s.mongod, args...), s.port, s.lastLines)
	s.process = process
	return err
}

// lastLines is the end of the server's log.
func (s *Server) lastLines() string {
	raw, err := os.ReadFile(filepath.Join(s.dir, "mongod.log"))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-2000):])
}

// do runs fn with a client of its own.
func (s *Server) do(fn func(context.Context, *mongo.Client) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), servertest.StartTimeout)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI("")))
	if err != nil {
		return err
	}
	return errors.Join(fn(ctx, client), client.Disconnect(ctx))
}

// initiate makes the server a replica set of one.
func (s *Server) initiate() error {
	err := s.do(func(ctx context.Context, c *mongo.Client) error {
		member := bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: fmt.Sprintf("127.0.0.1:%d", s.port)}}
		return c.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetInitiate", Value: bson.D{
			{Key: "_id", Value: "rs0"}, {Key: "members", Value: bson.A{member}},
		}}}).Err()
	})
	if err != nil {
		return fmt.Errorf("initiate replica set: %w", err)
	}
	return s.primary()
}

// primary waits until the server may be written to.
func (s *Server) primary() error {
	return s.do(func(ctx context.Context, c *mongo.Client) error {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			var hello struct {
				Writable bool `bson:"isWritablePrimary"`
			}
			err := c.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
			if err == nil && hello.Writable {
				return nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return errors.Join(errors.New("no primary"), err, ctx.Err())
			}
		}
	})
}

// Flush has the server write everything to its disk now, as it does by itself once a minute.
func (s *Server) Flush() error {
	return s.do(func(ctx context.Context, c *mongo.Client) error {
		return c.Database("admin").RunCommand(ctx, bson.D{{Key: "fsync", Value: 1}}).Err()
	})
}
