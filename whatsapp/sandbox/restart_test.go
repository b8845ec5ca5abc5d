package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// serveUntilKilled is what a child process of the tests does: a sandbox on
// disk with its control routes, as the program runs it.
func serveUntilKilled(dir string) {
	s, err := Open(Config{Root: rootKey(), DataDir: dir, Listen: os.Getenv("SANDBOX_TEST_LISTEN")})
	if err != nil {
		panic(err)
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s\n", control.Addr())
	panic(http.Serve(control, s.Control()))
}

// process is a sandbox in a process of its own.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	control string
	info    Info
}

func startProcess(t *testing.T, dir, listen string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), "SANDBOX_TEST_SERVER="+dir, "SANDBOX_TEST_LISTEN="+listen)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	p.control = line[:len(line)-1]
	p.info, err = Fetch(within(t), p.control)
	require.NoError(t, err)
	return p
}

// kill is kill -9: nothing in the process gets to write anything any more.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// call makes a request to the control routes and decodes the answer.
func call(t testing.TB, method, url string, body, into any) int {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(within(t), method, url, bytes.NewReader(raw))
	require.NoError(t, err)
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := web.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	if into != nil {
		require.NoError(t, json.Unmarshal(answer, into), "%s", answer)
	}
	return res.StatusCode
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, "")
	phones := func(path string) string { return p.control + "/sandbox/phones" + path }
	require.Equal(t, 201, call(t, "POST", phones(""), map[string]string{"phone": "12025550100", "name": "Ann"}, nil))
	require.Equal(t, 201, call(t, "POST", phones(""), map[string]string{"phone": "12025550101", "name": "Bob"}, nil))
	c := newClient(t, p.info)
	require.NoError(t, c.Connect())
	qr := waitEvents[*events.QR](c, 1, nil)[0]
	require.Equal(t, 200, call(t, "POST", phones("/12025550100/scan"), map[string]string{"qr": qr.Codes[0]}, nil))
	waitEvents[*events.Connected](c, 1, nil)

	// Sent while it runs, and killed while the client is still taking delivery.
	var sent struct{ IDs []string }
	require.Equal(t, 201, call(t, "POST", phones("/12025550101/messages"), map[string]any{"to": "12025550100", "text": "before {n}", "count": 300}, &sent))
	p.kill()
	p = startProcess(t, dir, p.info.Address) // the client comes back by itself
	requireOnce(t, c.messages(300), sent.IDs)

	// Acknowledged by the server, killed, and still there.
	bob := types.NewJID("12025550101", types.DefaultUserServer)
	for i := range 5 {
		c.say(bob, fmt.Sprintf("to Bob %d", i+1))
	}
	c.forget()
	p.kill()
	p = startProcess(t, dir, p.info.Address)
	var got struct{ Data []Received }
	for len(got.Data) < 5 {
		next := fmt.Sprintf("/12025550101/messages?wait=30&after=%d", 0)
		require.Equal(t, 200, call(t, "GET", phones(next), nil, &got))
	}
	for i, m := range got.Data {
		require.Equal(t, fmt.Sprintf("to Bob %d", i+1), m.Text)
	}
	require.Equal(t, 201, call(t, "POST", phones("/12025550101/messages"), map[string]any{"to": "12025550100", "text": "after all"}, nil))
	waitEvents(c, 1, func(m *events.Message) bool { return textOf(m) == "after all" })
	waitEvents[*events.Connected](c, 1, nil)
	c.say(bob, "and back")
	c.Disconnect() // before the process is killed
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Config{Root: rootKey(), DataDir: dir, Log: testLog(t)})
	require.NoError(t, err)
	info := s.Info()
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	c := linked(t, s, ann)
	c.say(jidOf(bob), "one")
	_, err = bob.WaitMessages(within(t), 0, 1)
	require.NoError(t, err)
	waitGreeting(t, c, ann)
	c.Disconnect()
	ids := send(t, bob, ann, "queued {n}", 20)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = bob.Send(within(t), Outgoing{To: ann.Number(), Text: "too late"})
	require.ErrorIs(t, err, ErrClosed)

	s, err = Open(Config{Root: rootKey(), DataDir: dir, Listen: info.Address, Log: testLog(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.Equal(t, info, s.Info())
	_, err = s.NewPhone("12025550100", "Another")
	require.ErrorIs(t, err, ErrPhoneTaken)
	bob, err = s.Phone("+12025550101")
	require.NoError(t, err)
	require.Equal(t, "Bob", bob.Name())
	require.Len(t, bob.Messages(0), 1)
	c.forget()
	require.NoError(t, c.Connect())
	requireOnce(t, c.messages(20), ids)
	c.say(jidOf(bob), "two")
	got, err := bob.WaitMessages(within(t), 1, 1)
	require.NoError(t, err)
	require.Equal(t, "two", got[0].Text)
	require.Equal(t, 2, got[0].N)
}
