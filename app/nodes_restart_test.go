package app

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// TestKilledAndStartedAgain does not wait for the lease of a server that is dead for sure.
func TestKilledAndStartedAgain(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		first := spawnAt(t, at, theWorld.control, leaseOfChild+"=2m")
		ana, bob := first.link("shop"), phone(t, "Bob")
		to := newEndpoint(t)
		first.call("POST", "/api/v1/webhooks", map[string]any{"url": to.URL, "events": []string{"new_messages"}}, 201)
		say := func(text string) {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: text})
			require.NoError(t, err)
		}
		say("one")
		to.await(func(all []hit) bool { return len(firsts(all)) == 1 })
		first.kill()
		began := time.Now()
		second := spawnAt(t, at, theWorld.control, leaseOfChild+"=2m")
		second.awaitState("shop", "connected")
		say("two")
		to.await(func(all []hit) bool { return len(firsts(all)) == 2 })
		took := time.Since(began)
		t.Logf("connected after %s", took.Round(time.Millisecond))
		require.Less(t, took, 5*time.Second)
	})
}

// TestPausedOwnerIsNoDeadOne starts a server beside one on the same machine that is stopped, not dead.
func TestPausedOwnerIsNoDeadOne(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		first := spawnAt(t, at, theWorld.control, leaseOfChild+"=2m")
		ana, bob := first.link("shop"), phone(t, "Bob")
		paused, err := os.FindProcess(first.pid)
		require.NoError(t, err)
		require.NoError(t, paused.Signal(syscall.SIGSTOP))
		second := spawnAt(t, place{t.TempDir(), at.mongoURI}, theWorld.control, leaseOfChild+"=2m")
		require.Never(t, func() bool {
			code, raw, _ := second.raw("POST", "/api/v1/sessions/shop/listen", nil)
			return code != 503 || !containsCode(raw, "owned_elsewhere")
		}, 2*time.Second, 200*time.Millisecond)
		require.NoError(t, paused.Signal(syscall.SIGCONT))
		_, err = bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "still here"})
		require.NoError(t, err)
		first.awaitText("shop", "still here")
	})
}
