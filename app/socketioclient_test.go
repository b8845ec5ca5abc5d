package app

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// socketIODir is where the Node client is kept, with its pinned packages.
const socketIODir = "testdata/socketio"

// needSocketIO installs the client's packages once per lock file, in the user's cache, and
// returns a copy of the script beside them. Without Node the test is skipped, unless
// REQUIRE_ALL=1 says that nothing may be skipped.
func needSocketIO(t *testing.T) string {
	t.Helper()
	missing := func(format string, args ...any) {
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatalf(format, args...)
		}
		t.Skipf(format, args...)
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			missing("the tests with socket.io-client need Node.js: %v", err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		missing("the tests with socket.io-client need a cache directory: %v", err)
	}
	lock, err := os.ReadFile(filepath.Join(socketIODir, "package-lock.json"))
	require.NoError(t, err)
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "whatsapp-api", "socketio-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := installSocketIO(dir); err != nil {
			missing("the packages of socket.io-client cannot be installed: %v", err)
		}
	}
	script, err := os.ReadFile(filepath.Join(socketIODir, "client.mjs"))
	require.NoError(t, err)
	to, err := os.CreateTemp(dir, "client-*.mjs")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(to.Name()) })
	_, err = to.Write(script)
	require.NoError(t, errors.Join(err, to.Close()))
	return to.Name()
}

// installSocketIO installs beside the place and then moves, so that a broken installation is
// never found.
func installSocketIO(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := os.ReadFile(filepath.Join(socketIODir, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(temp, name), raw, 0o600); err != nil {
			return err
		}
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = temp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return err
		}
	}
	return nil
}

// nodeClients is a Node process with clients in it.
type nodeClients struct {
	t  *testing.T
	in io.WriteCloser

	mu      sync.Mutex
	clients map[string]*nodeClient
}

// nodeClient is one socket.io-client; happenings come in their order.
type nodeClient struct {
	t    *testing.T
	all  *nodeClients
	id   string
	mu   sync.Mutex
	seen []object
	more chan struct{}
}

func startNode(t *testing.T) *nodeClients {
	t.Helper()
	cmd := exec.Command("node", needSocketIO(t))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	n := &nodeClients{t: t, in: in, clients: map[string]*nodeClient{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		n.follow(out)
	}()
	t.Cleanup(func() {
		_ = in.Close() // the script ends with its input
		killer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		<-read
		_ = cmd.Wait()
		killer.Stop()
	})
	return n
}

func (n *nodeClients) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var o object
		if json.Unmarshal(lines.Bytes(), &o) != nil {
			continue
		}
		c := n.client(o.str("id"))
		c.mu.Lock()
		c.seen = append(c.seen, o)
		c.mu.Unlock()
		select {
		case c.more <- struct{}{}:
		default:
		}
	}
}

func (n *nodeClients) client(id string) *nodeClient {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.clients[id]
	if c == nil {
		c = &nodeClient{t: n.t, all: n, id: id, more: make(chan struct{}, 1)}
		n.clients[id] = c
	}
	return c
}

// connect makes a client; more are options of the script's connect.
func (n *nodeClients) connect(r *rig, id string, transports []string, auth, more object) *nodeClient {
	c := n.client(id)
	command := object{"url": r.url, "transports": transports, "auth": auth}
	for k, v := range more {
		command[k] = v
	}
	c.do("connect", command)
	return c
}

func (c *nodeClient) do(command string, more object) {
	c.t.Helper()
	line := object{"do": command, "id": c.id}
	for k, v := range more {
		line[k] = v
	}
	raw, err := json.Marshal(line)
	require.NoError(c.t, err)
	_, err = c.all.in.Write(append(raw, '\n'))
	require.NoError(c.t, err)
}

// next is what happens next to the client.
func (c *nodeClient) next() object {
	c.t.Helper()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		if len(c.seen) > 0 {
			o := c.seen[0]
			c.seen = c.seen[1:]
			c.mu.Unlock()
			return o
		}
		c.mu.Unlock()
		select {
		case <-c.more:
		case <-deadline.C:
			c.t.Fatalf("nothing happened to client %s", c.id)
		}
	}
}

// until reads on to what fits.
func (c *nodeClient) until(fits func(object) bool) object {
	c.t.Helper()
	for {
		if o := c.next(); fits(o) {
			return o
		}
	}
}

func is(what string) func(object) bool { return func(o object) bool { return o.str("what") == what } }

func event(name string) func(object) bool {
	return func(o object) bool { return o.str("what") == "event" && o.str("name") == name }
}

// ask emits an event and waits for its acknowledgement.
func (c *nodeClient) ask(name string, arg object) object {
	c.t.Helper()
	ref := fmt.Sprintf("%s-%d", name, numbers.Add(1))
	c.do("emit", object{"name": name, "args": []any{arg}, "ack": ref})
	return c.until(func(o object) bool { return o.str("what") == "ack" && o.str("name") == ref }).obj("data")
}
