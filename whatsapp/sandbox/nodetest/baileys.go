package nodetest

import (
	"bufio"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

//go:embed baileys
var baileysFiles embed.FS

// patience is how long something of Baileys is waited for.
const patience = 60 * time.Second

// Baileys is a running client of another library than all that this repository is made with.
type Baileys struct {
	t  testing.TB
	in io.WriteCloser

	mu      sync.Mutex
	events  []Event
	changed chan struct{}
	refs    int
}

// Event is something that happened in the client. Its Event says what; baileys/client.mjs which
// fields there are.
type Event struct {
	Event, Ref, ID, LID, Name, QR, Chat, Type, Text, Reaction, Error, Raw string
	FromMe                                                                bool
	Code, Stub                                                            int
	Found                                                                 []string
}

// StartBaileys runs the client against a sandbox, of which it gets the socket's address and the
// authority to trust, with its credentials in a directory. It ends with the test, which is skipped
// without Node.js as Need says.
func StartBaileys(t testing.TB, socketURL, caPem, credentials string) *Baileys {
	t.Helper()
	files, err := fs.Sub(baileysFiles, "baileys")
	require.NoError(t, err)
	script := Need(t, "baileys", files)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, []byte(caPem), 0o600))
	cmd := exec.Command("node", script, socketURL, ca, credentials)
	cmd.Stderr, cmd.Env = os.Stderr, append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca) // files are fetched without the agent
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	b := &Baileys{t: t, in: in}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b.follow(out)
	}()
	t.Cleanup(func() {
		_ = in.Close() // the script ends with its input
		killer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		<-read
		_ = cmd.Wait()
		killer.Stop()
	})
	return b
}

func (b *Baileys) follow(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var e Event
		if json.Unmarshal(line, &e) != nil {
			continue // something that a library prints
		}
		b.mu.Lock()
		b.events = append(b.events, e)
		if b.changed != nil {
			close(b.changed)
			b.changed = nil
		}
		b.mu.Unlock()
	}
}

// Wait waits for an event of this name; is may be nil.
func (b *Baileys) Wait(name string, is func(Event) bool) Event {
	b.t.Helper()
	timeout := time.After(patience)
	for seen := 0; ; {
		b.mu.Lock()
		for _, e := range b.events[seen:] {
			if e.Event == "failed" {
				b.mu.Unlock()
				b.t.Fatalf("Baileys: %s", e.Error)
			}
			if e.Event == name && (is == nil || is(e)) {
				b.mu.Unlock()
				return e
			}
		}
		seen = len(b.events)
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
			b.t.Fatalf("waited for %q of Baileys, which said %+v", name, b.said())
		}
	}
}

// said is the last that happened.
func (b *Baileys) said() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events[max(0, len(b.events)-12):]
}

// Do gives a command and waits for its answer.
func (b *Baileys) Do(answer string, command map[string]any) Event {
	b.t.Helper()
	b.mu.Lock()
	b.refs++
	ref := fmt.Sprint("command ", b.refs)
	b.mu.Unlock()
	command["id"] = ref
	raw, err := json.Marshal(command)
	require.NoError(b.t, err)
	_, err = b.in.Write(append(raw, '\n'))
	require.NoError(b.t, err)
	return b.Wait(answer, func(e Event) bool { return e.Ref == ref })
}

// Message waits for a message with a text.
func (b *Baileys) Message(id string) Event {
	b.t.Helper()
	return b.Wait("message", func(e Event) bool { return e.ID == id && e.Text != "" })
}
