package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"whatsapp-api/configs"
	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/whatsapp/sandbox"
)

// place is where a server under test keeps things; it outlives a kill.
type place struct{ dataDir, mongoURI string }

// eachStore runs a test on every back end.
func eachStore(t *testing.T, test func(t *testing.T, at place)) {
	bothStores(t, test)
	t.Run("mongo-replica-set", func(t *testing.T) { test(t, place{t.TempDir(), mongotest.ReplicaSet(t)}) })
}

// bothStores is eachStore without the replica set: for what takes long, and does not know which of
// the two kinds of MongoDB it is on.
func bothStores(t *testing.T, test func(t *testing.T, at place)) {
	t.Run("sqlite", func(t *testing.T) { test(t, place{dataDir: t.TempDir()}) })
	t.Run("mongo-lone", func(t *testing.T) { test(t, place{t.TempDir(), mongotest.Lone(t)}) })
}

// rig is a running server and a client who knows nothing but the documents.
type rig struct {
	t     testing.TB
	at    place
	url   string
	token string
	app   *App   // nil for a rig with a process of its own
	pid   int    // of that process
	stop  func() // gracefully
	kill  func() // at once; only for a rig with a process of its own
}

const (
	adminEmail    = "root@example.com"
	adminPassword = "a long password"
)

// start runs a server inside this process, with an admin logged in.
func start(t testing.TB, at place, change ...func(*configs.Config)) *rig {
	t.Helper()
	return startWith(t, at, zaptest.NewLogger(t, zaptest.Level(zapcore.WarnLevel)), change...)
}

// startLogged is start for a test that watches the log.
func startLogged(t testing.TB, at place, watch zap.Option, change ...func(*configs.Config)) *rig {
	t.Helper()
	return startWith(t, at, zaptest.NewLogger(t, zaptest.Level(zapcore.InfoLevel), zaptest.WrapOptions(watch)), change...)
}

// startWatched is start for a test with a slow client: cut is closed when the server gives one up.
func startWatched(t *testing.T) (r *rig, cut <-chan struct{}) {
	t.Helper()
	seen := make(chan struct{})
	var once sync.Once
	return startLogged(t, place{dataDir: t.TempDir()}, zap.Hooks(func(e zapcore.Entry) error {
		if e.Message == "slow client cut" {
			once.Do(func() { close(seen) })
		}
		return nil
	})), seen
}

// floodUntil sends messages, and lets a fast client read them, until a slow one is cut: how much
// sockets and queue hold together depends on the machine. It gives back how many it sent.
func floodUntil(t *testing.T, cut <-chan struct{}, from, to *sandbox.Phone, read func(total int)) (total int) {
	t.Helper()
	const some, size, most = 500, 8000, 20_000
	for ; ; read(total) {
		select {
		case <-cut:
			return total
		default:
		}
		require.Less(t, total, most, "the slow client is not cut")
		_, err := from.Send(t.Context(), sandbox.Outgoing{To: to.Number(), Text: "{n} " + strings.Repeat("x", size), Count: some})
		require.NoError(t, err)
		total += some
	}
}

func startWith(t testing.TB, at place, log *zap.Logger, change ...func(*configs.Config)) *rig {
	t.Helper()
	r := &rig{t: t, at: at}
	cfg := configs.Default()
	cfg.Host, cfg.Port, cfg.DataDir, cfg.MongoDBURI = "127.0.0.1", 0, at.dataDir, configs.Secret(at.mongoURI)
	for _, c := range change {
		c(&cfg)
	}
	r.admin(cfg)
	a, err := New(t.Context(), cfg, Options{SandboxAt: theWorld.control, Version: "test"}, log)
	require.NoError(t, err)
	r.run(a)
	r.login(adminEmail, adminPassword)
	return r
}

// run runs a server until stop, or the test's end.
func (r *rig) run(a *App) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r.app, r.url = a, "http://"+a.Addr()
	var once atomic.Bool
	r.stop = func() {
		if once.CompareAndSwap(false, true) {
			cancel()
			require.NoError(r.t, <-done)
		}
	}
	r.t.Cleanup(r.stop)
}

// spawn runs a server in a process of its own, with an admin logged in.
func spawn(t *testing.T, at place) *rig { return spawnAt(t, at, theWorld.control) }

// spawnAt is spawn in the world with this control address; more settings are NAME=value.
func spawnAt(t *testing.T, at place, control string, more ...string) *rig {
	t.Helper()
	r := &rig{t: t, at: at}
	r.admin(r.config())
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"="+control, "PORT=0", "DATA_DIR="+at.dataDir, "MONGODB_URI="+at.mongoURI)
	cmd.Env = append(cmd.Env, more...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	r.pid = cmd.Process.Pid
	var once atomic.Bool
	end := func(how os.Signal) func() {
		return func() {
			if once.CompareAndSwap(false, true) {
				require.NoError(t, cmd.Process.Signal(how))
				_, err := io.Copy(io.Discard, out)
				require.NoError(t, err)
				_ = cmd.Wait() // killed: its state says so
			}
		}
	}
	r.stop, r.kill = end(syscall.SIGTERM), end(os.Kill)
	t.Cleanup(r.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the server did not start")
	r.url = strings.TrimSpace(line)
	r.login(adminEmail, adminPassword)
	return r
}

// config is where the server keeps things, for commands that run beside it.
func (r *rig) config() configs.Config {
	cfg := configs.Default()
	cfg.DataDir, cfg.MongoDBURI = r.at.dataDir, configs.Secret(r.at.mongoURI)
	return cfg
}

// admin makes the first admin, if this place has none yet.
func (r *rig) admin(cfg configs.Config) {
	_, err := CreateAdmin(r.t.Context(), cfg, true, adminEmail, "Root", adminPassword, zaptest.NewLogger(r.t, zaptest.Level(zapcore.WarnLevel)))
	if err != nil {
		require.ErrorContains(r.t, err, "taken")
	}
}

func (r *rig) login(email, password string) {
	answer := r.call("POST", "/api/v1/users/login", map[string]any{"email": email, "password": password}, 200)
	r.token = answer.str("token")
}

// as is the same server seen by another user.
func (r *rig) as(email, password string) *rig {
	other := *r
	other.login(email, password)
	return &other
}

// object is a JSON object.
type object map[string]any

func (o object) str(key string) string {
	s, _ := o[key].(string)
	return s
}

func (o object) obj(key string) object {
	m, _ := o[key].(map[string]any)
	return m
}

func (o object) list(key string) []object {
	all, _ := o[key].([]any)
	var out []object
	for _, one := range all {
		m, _ := one.(map[string]any)
		out = append(out, m)
	}
	return out
}

func (o object) num(key string) int64 {
	n, _ := o[key].(float64)
	return int64(n)
}

// call makes a request and expects a status.
func (r *rig) call(method, path string, body any, status int, headers ...string) object {
	r.t.Helper()
	code, raw, _ := r.raw(method, path, body, headers...)
	require.Equal(r.t, status, code, "%s %s: %s", method, path, raw)
	var o object
	if len(raw) > 0 {
		require.NoError(r.t, json.Unmarshal(raw, &o), "%s", raw)
	}
	return o
}

func (r *rig) raw(method, path string, body any, headers ...string) (int, []byte, http.Header) {
	r.t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(r.t, err)
		in = bytes.NewReader(raw)
	}
	base := r.url
	if strings.HasPrefix(path, "/sandbox") {
		base = theWorld.control
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, base+path, in)
	require.NoError(r.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" && base == r.url {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(r.t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	if base == r.url {
		require.NoError(r.t, checkCode(method, path, resp.StatusCode, resp.Header, raw), "%s %s", method, path)
	}
	return resp.StatusCode, raw, resp.Header
}

var numbers atomic.Int64

// phone makes a phone with a number of its own.
func phone(t testing.TB, name string) *sandbox.Phone {
	t.Helper()
	p, err := theWorld.server.NewPhone(fmt.Sprintf("34600%06d", numbers.Add(1)), name)
	require.NoError(t, err)
	return p
}

// link makes a session and links it to a new phone; it returns when it is connected.
func (r *rig) link(id string) *sandbox.Phone {
	r.t.Helper()
	p := phone(r.t, "Owner of "+id)
	r.linkTo(id, p)
	return p
}

// linkTo is link with a given phone.
func (r *rig) linkTo(id string, p *sandbox.Phone) {
	r.t.Helper()
	r.call("POST", "/api/v1/sessions", map[string]any{"id": id, "name": "Session " + id}, 201)
	code := r.call("GET", "/api/v1/sessions/"+id+"/qr?wait=30", nil, 200).str("code")
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	_, err := p.Scan(ctx, code)
	require.NoError(r.t, err)
	r.awaitState(id, "connected")
}

// awaitState follows the session's events until it is in this state.
func (r *rig) awaitState(id, state string) {
	r.t.Helper()
	after := int64(0)
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		if r.call("GET", "/api/v1/sessions/"+id, nil, 200).str("state") == state {
			return
		}
		page := r.call("GET", fmt.Sprintf("/api/v1/sessions/%s/events?after=%d&wait=5&limit=200", id, after), nil, 200)
		after = page.num("lastSeq")
	}
	r.t.Fatalf("session %s did not become %s: %v", id, state, r.call("GET", "/api/v1/sessions/"+id, nil, 200))
}

// events reads the whole event log of a session and checks that it has no gap.
func (r *rig) events(id string) []object {
	r.t.Helper()
	var all []object
	for after := int64(0); ; {
		page := r.call("GET", fmt.Sprintf("/api/v1/sessions/%s/events?after=%d&limit=200", id, after), nil, 200)
		for _, e := range page.list("data") {
			require.EqualValues(r.t, len(all)+1, e.num("seq"), "gap in the log of %s", id)
			all = append(all, e)
		}
		if after = page.num("lastSeq"); page["more"] != true {
			return all
		}
	}
}

// awaitEvent waits for an event that fits and returns it.
func (r *rig) awaitEvent(id string, after int64, fits func(object) bool) object {
	r.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		page := r.call("GET", fmt.Sprintf("/api/v1/sessions/%s/events?after=%d&wait=10&limit=200", id, after), nil, 200)
		for _, e := range page.list("data") {
			if fits(e) {
				return e
			}
		}
		after = page.num("lastSeq")
	}
	r.t.Fatalf("event did not come in session %s", id)
	return nil
}

func named(name string) func(object) bool {
	return func(e object) bool { return e.str("event") == name }
}
