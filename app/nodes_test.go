package app

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/whatsapp/sandbox"
)

// onEachMongo runs a test on the two kinds of MongoDB.
func onEachMongo(t *testing.T, test func(t *testing.T, at place)) {
	t.Run("mongo-lone", func(t *testing.T) { test(t, place{t.TempDir(), mongotest.Lone(t)}) })
	t.Run("mongo-replica-set", func(t *testing.T) { test(t, place{t.TempDir(), mongotest.ReplicaSet(t)}) })
}

// beside is a second server on the same database.
func beside(t *testing.T, first *rig) *rig {
	t.Helper()
	return spawn(t, place{t.TempDir(), first.at.mongoURI})
}

// takenOverWithin is how long a session may be without an owner.
const takenOverWithin = 30 * time.Second

// TestTwoServers runs two on one database: the second serves reads of the session that the first owns,
// names the first for all else, and takes the session over when that is killed, or stops.
func TestTwoServers(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		first := spawn(t, at)
		ana, bob := first.link("shop"), phone(t, "Bob")
		second := beside(t, first)
		write := func(to *rig, text string) {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: text})
			require.NoError(t, err)
			to.awaitText("shop", text)
		}
		write(first, "one")
		second.awaitText("shop", "one")
		require.Equal(t, "connected", second.call("GET", "/api/v1/sessions/shop", nil, 200).str("state"), "as its owner has said")
		host, err := os.Hostname()
		require.NoError(t, err)
		name := fmt.Sprintf("process %d on %s", first.pid, host)
		for path, body := range map[string]map[string]any{
			"/api/v1/sessions/shop/listen":                nil,
			"/api/v1/sessions/shop/stop":                  nil,
			"/api/v1/sessions/shop/disconnect":            nil,
			"/api/v1/messages/sessions/shop/send/message": {"to": bob.Number(), "text": "no"},
			"/api/v1/messages/sessions/shop/cleanup":      {"olderThanDays": 1},
		} {
			answer := second.call("POST", path, body, 503)
			require.Equal(t, "owned_elsewhere", answer.str("code"), path)
			require.Contains(t, answer.str("detail"), name, path)
		}
		require.Equal(t, "owned_elsewhere", second.call("GET", "/api/v1/sessions/shop/qr", nil, 503).str("code"))
		require.Equal(t, "owned_elsewhere", second.call("DELETE", "/api/v1/sessions/shop", nil, 503).str("code"))

		first.kill()
		killed := time.Now()
		awaitOwner(t, second, "shop")
		write(second, "two")
		require.Less(t, time.Since(killed), takenOverWithin)
		third := beside(t, second)
		second.stop()
		awaitOwner(t, third, "shop")
		write(third, "three")
		require.Equal(t, []string{"one", "two", "three"}, third.texts("shop", bob.Number()))
		third.events("shop") // without a gap
	})
}

// awaitOwner waits until a server runs a session.
func awaitOwner(t *testing.T, r *rig, session string) {
	t.Helper()
	require.Eventually(t, func() bool {
		code, _, _ := r.raw("POST", "/api/v1/sessions/"+session+"/listen", nil)
		return code == 200
	}, takenOverWithin, 50*time.Millisecond)
	r.awaitState(session, "connected")
}

// TestPausedServer stops a server in the midst of messages for longer than its lease lasts. When it
// wakes, another has the session: it changes nothing, and serves it no more.
func TestPausedServer(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		const total = 300
		first := spawn(t, at)
		ana, bob := first.link("shop"), phone(t, "Bob")
		second := beside(t, first)
		sent := make(chan error, 1)
		go func() {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "message {n}", Count: total})
			sent <- err
		}()
		first.awaitText("shop", "message 20")
		paused, err := os.FindProcess(first.pid)
		require.NoError(t, err)
		require.NoError(t, paused.Signal(syscall.SIGSTOP))
		awaitOwner(t, second, "shop")
		require.NoError(t, <-sent)
		second.awaitText("shop", fmt.Sprint("message ", total))
		require.NoError(t, paused.Signal(syscall.SIGCONT))
		require.Eventually(t, func() bool {
			code, raw, _ := first.raw("POST", "/api/v1/messages/sessions/shop/send/message", map[string]any{"to": bob.Number(), "text": "no"})
			return code == 503 && containsCode(raw, "owned_elsewhere")
		}, takenOverWithin, 50*time.Millisecond)
		_, err = bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "after"})
		require.NoError(t, err)
		second.awaitText("shop", "after")
		require.Equal(t, "connected", second.call("GET", "/api/v1/sessions/shop", nil, 200).str("state"))
		require.Equal(t, "connected", first.call("GET", "/api/v1/sessions/shop", nil, 200).str("state"), "it tells what the owner says")

		var want []string
		for i := range total {
			want = append(want, fmt.Sprint("message ", i+1))
		}
		want = append(want, "after")
		require.Equal(t, want, second.texts("shop", bob.Number()), "each once, in order")
		second.events("shop")
	})
}

func containsCode(raw []byte, code string) bool {
	var o object
	return json.Unmarshal(raw, &o) == nil && o.str("code") == code
}
