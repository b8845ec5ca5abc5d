package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"whatsapp-api/whatsapp/sandbox/nodetest"

	"github.com/stretchr/testify/require"
)

// socketIODir is where the Node client is kept, with its pinned packages.
const socketIODir = "testdata/socketio"

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
	cmd := exec.Command("node", nodetest.Need(t, "socketio", os.DirFS(socketIODir)))
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
