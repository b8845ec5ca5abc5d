package app

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// twoServers are two servers on one database, each with a session of its own, and with a webhook for
// both. The first delivers.
type twoServers struct {
	t             *testing.T
	first, second *rig
	phones        [2]*sandbox.Phone // of the sessions one and two
	to            *endpoint
	hook          string // path of the webhook
	sent          int    // messages to each session, by one person
	bob           *sandbox.Phone
}

func newTwoServers(t *testing.T, at place) *twoServers {
	n := &twoServers{t: t, first: spawn(t, at), to: newEndpoint(t), bob: phone(t, "Bob")}
	n.phones[0] = n.first.link("one")
	w := n.first.call("POST", "/api/v1/webhooks", map[string]any{"url": n.to.URL, "events": []string{"new_messages"}}, 201)
	n.hook = "/api/v1/webhooks/" + w.str("id")
	n.say(1)
	n.await() // so the first has the duty
	n.second = beside(t, n.first)
	n.phones[1] = n.second.link("two")
	return n
}

// say sends so many messages more to the sessions there are.
func (n *twoServers) say(count int) {
	n.t.Helper()
	for i, p := range n.phones {
		if p != nil {
			_, err := n.bob.Send(n.t.Context(), sandbox.Outgoing{To: p.Number(), Text: fmt.Sprintf("%d %d+{n}", i, n.sent), Count: count})
			require.NoError(n.t, err)
		}
	}
	n.sent += count
}

// await waits until the last of what was sent last has come of all sessions.
func (n *twoServers) await() []hit {
	n.t.Helper()
	want := map[string]bool{}
	for i, p := range n.phones {
		if p != nil {
			want[fmt.Sprint(i)] = true
		}
	}
	return n.to.await(func(all []hit) bool {
		last := map[string]int{}
		for text := range textsOf(all) {
			chat, at := placeOf(n.t, text)
			last[chat] = max(last[chat], at)
		}
		for chat := range want {
			if last[chat] < n.sent {
				return false
			}
		}
		return true
	})
}

// textsOf are the messages that came, with when they did.
func textsOf(all []hit) map[string][]time.Time {
	texts := map[string][]time.Time{}
	for _, h := range all {
		for _, m := range h.event.obj("data").list("messages") {
			texts[m.str("text")] = append(texts[m.str("text")], h.at)
		}
	}
	return texts
}

// placeOf is which message of which session a text is.
func placeOf(t *testing.T, text string) (chat string, n int) {
	var base, more int
	_, err := fmt.Sscanf(text, "%s %d+%d", &chat, &base, &more)
	require.NoError(t, err, text)
	return chat, base + more
}

// complete checks that each message has come, first comings in order. None came twice but what a server was
// cut off from: of that it had delivered a few in the last moments, which it takes to write them down.
func (n *twoServers) complete(all []hit, cut time.Time) {
	n.t.Helper()
	next := map[string]int{"1": 1} // this session came after the first message
	for _, text := range firsts(all) {
		chat, at := placeOf(n.t, text)
		next[chat]++
		require.Equal(n.t, next[chat], at, "messages of session %s", chat)
	}
	again := 0
	for text, came := range textsOf(all) {
		if len(came) == 1 {
			continue
		}
		again++
		require.False(n.t, cut.IsZero(), "%s came %d times", text, len(came))
		require.Less(n.t, cut.Sub(came[0]), 3*time.Second, "%s came again", text)
		require.Len(n.t, came, 2, text)
	}
	n.t.Logf("%d of %d messages came twice", again, next["0"]+next["1"])
}

// TestTwoServersDeliverOnce has one webhook get the events of sessions that two servers own.
func TestTwoServersDeliverOnce(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		n := newTwoServers(t, at)
		for range 4 {
			n.say(25)
		}
		n.await()
		n.say(1) // what would come twice comes before this
		n.complete(n.await(), time.Time{})
	})
}

// TestKilledHolder kills the server that delivers, in the midst of it: the other goes on.
func TestKilledHolder(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		n := newTwoServers(t, at)
		n.say(100)
		n.to.await(func(all []hit) bool { return len(all) > 40 })
		n.first.kill()
		killed := time.Now()
		awaitOwner(t, n.second, "one")
		all := n.await()
		require.Less(t, time.Since(killed), takenOverWithin)
		n.complete(all, killed)
	})
}

// TestPausedHolder stops the server that delivers for longer than its lease lasts. When it wakes, the
// other delivers: it sends nothing more, and what it writes changes nothing.
func TestPausedHolder(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		n := newTwoServers(t, at)
		n.say(100)
		n.to.await(func(all []hit) bool { return len(all) > 40 })
		first, err := os.FindProcess(n.first.pid)
		require.NoError(t, err)
		require.NoError(t, first.Signal(syscall.SIGSTOP))
		stopped := time.Now()
		awaitOwner(t, n.second, "one")
		n.await()
		require.Less(t, time.Since(stopped), takenOverWithin)
		require.NoError(t, first.Signal(syscall.SIGCONT))
		n.say(20)
		n.await()
		n.say(1)
		n.complete(n.await(), stopped)
	})
}

// TestFollowersOfAnothersSession measures how long after an event the client of another server hears of it.
func TestFollowersOfAnothersSession(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		first := spawn(t, at)
		ana, bob := first.link("shop"), phone(t, "Bob")
		second := beside(t, first)
		listen := func(r *rig) func(text string) time.Time {
			conn, _, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{
				HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}},
			})
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.CloseNow() })
			require.NoError(t, wsjson.Write(t.Context(), conn, map[string]any{"type": "subscribe", "sessions": []string{"shop"}, "after": 0}))
			return func(text string) time.Time {
				for {
					var f object
					require.NoError(t, wsjson.Read(t.Context(), conn, &f))
					for _, m := range f.obj("data").list("messages") {
						if m.str("text") == text {
							return time.Now()
						}
					}
				}
			}
		}
		near, far := listen(first), listen(second)
		most, sum := time.Duration(0), time.Duration(0)
		const count = 20
		for i := range count {
			text := fmt.Sprint("message ", i)
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: text})
			require.NoError(t, err)
			at := near(text)
			late := far(text).Sub(at)
			most, sum = max(most, late), sum+late
		}
		t.Logf("heard %s later, at most %s", (sum / count).Round(time.Millisecond), most.Round(time.Millisecond))
		require.Less(t, most, time.Second)
	})
}

// TestWhatOneServerEndsTheOtherEnds revokes and pauses at the second server what the first uses.
func TestWhatOneServerEndsTheOtherEnds(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		n := newTwoServers(t, at)
		soon := func(what string, fits func() bool) {
			t.Helper()
			require.Eventually(t, fits, time.Second, 10*time.Millisecond, what)
		}
		key := n.second.call("POST", "/api/v1/api-keys", map[string]any{"name": "k", "scopes": []string{"*"}}, 201)
		status := func(token string) int {
			code, _, _ := n.first.with(token).raw("GET", "/api/v1/sessions", nil)
			return code
		}
		require.Equal(t, 200, status(key.str("key")))
		n.second.call("DELETE", "/api/v1/api-keys/"+key.str("id"), nil, 204)
		soon("key", func() bool { return status(key.str("key")) == 401 })

		n.second.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "password": "another long password", "role": "user"}, 201)
		eve := n.first.as("eve@example.com", "another long password")
		require.Equal(t, 200, status(eve.token))
		n.second.as("eve@example.com", "another long password").call("POST", "/api/v1/users/logout", nil, 204)
		require.Equal(t, 200, status(eve.token), "that was another token")

		n.say(60)
		n.to.await(func(all []hit) bool { return len(all) > 20 })
		n.second.call("POST", n.hook+"/pause", nil, 200)
		n.to.mu.Lock()
		paused := len(n.to.all)
		n.to.mu.Unlock()
		n.say(5)
		n.first.awaitText("one", fmt.Sprintf("0 %d+5", n.sent-5))
		n.to.mu.Lock()
		require.Len(t, n.to.all, paused, "nothing comes once it is paused")
		n.to.mu.Unlock()
		n.second.call("POST", n.hook+"/resume", nil, 200)
		all := n.await()
		n.complete(all, time.Time{})

		log := n.second.call("GET", n.hook+"/deliveries?status=delivered&limit=1", nil, 200).list("data")
		asked := time.Now()
		n.second.call("POST", n.hook+"/deliveries/"+log[0].str("id")+"/retry", nil, 202)
		replays := func(count int) {
			n.to.await(func(all []hit) bool {
				seen := 0
				for _, h := range all {
					if h.header.Get("X-Webhook-Replay") == "true" {
						seen++
					}
				}
				return seen >= count
			})
		}
		replays(1)
		require.Less(t, time.Since(asked), time.Second)
		n.second.call("POST", n.hook+"/replay", map[string]any{"from": "2020-01-01T00:00:00Z"}, 202)
		replays(10)
		n.second.call("DELETE", n.hook, nil, 204)
	})
}
