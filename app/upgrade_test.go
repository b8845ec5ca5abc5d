package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/whatsapp/sandbox"
)

// TestUpgrade opens what each earlier release left on disk, stopped and killed, with the present
// program: all that the release said is still said, and the session goes on without a new QR code.
// testdata/upgrade/README.md says how the data are made.
func TestUpgrade(t *testing.T) {
	files, err := filepath.Glob("testdata/upgrade/*/*.tar.gz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/upgrade/"), ".tar.gz"), func(t *testing.T) {
			dir := unpack(t, file)
			at := place{dataDir: filepath.Join(dir, "data")}
			if dump := filepath.Join(dir, "mongo"); exists(dump) {
				at.mongoURI = mongotest.Lone(t)
				mongotest.Load(t, at.mongoURI, dump)
			}
			upgrade(t, at, openTown(t, filepath.Join(dir, "whatsapp")), readFacts(t, dir))
		})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readFacts(t *testing.T, dir string) (f facts) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "facts.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &f))
	return f
}

func upgrade(t *testing.T, at place, w *town, f facts) {
	const everything = "876000h" // the data grow old
	r := spawnAt(t, at, w.control.URL, "EVENT_RETENTION="+everything, "AUDIT_RETENTION="+everything)
	r.awaitState("shop", "connected")
	if f.Traffic > 0 {
		r.awaitText("shop", fmt.Sprint("traffic ", f.Traffic))
	}
	r.with(f.APIKey).call("GET", "/api/v1/sessions/shop", nil, 200)
	r.as("eve@example.com", "another password").call("GET", "/api/v1/users/me", nil, 200)
	r.saysAll(f)
	r.saysTraffic(w, f)

	r.write(w)
	r.hooks(f)
	r.events("shop") // without a gap
	r.stop()
	r = spawnAt(t, at, w.control.URL, "EVENT_RETENTION="+everything, "AUDIT_RETENTION="+everything)
	r.awaitState("shop", "connected")
	r.acted(f)
	r.saysAll(f)
}

// saysAll compares what the program says with what the release said. What may be otherwise since
// then: the state of a session that was opened again, and the end of a chat that went on.
func (r *rig) saysAll(f facts) {
	r.t.Helper()
	list := func(path string) []object { return r.call("GET", path+"limit=200", nil, 200).list("data") }
	r.covers(f.Sessions, list("/api/v1/sessions?"), "id", "state", "reason", "since", "lastSeq", "updatedAt")
	r.covers(f.Chats, list("/api/v1/messages/sessions/shop/chats?"), "id", "unreadCount", "lastMessage", "lastActivityAt")
	for chat, messages := range f.Messages {
		now := r.allMessages(chat)
		r.covers(asActedOn(withoutActs(messages), now), now, "id")
	}
	r.covers(f.Keys, list("/api/v1/api-keys?"), "id", "lastUsedAt")
	r.covers(f.Users, list("/api/v1/users?"), "id", "lastLoginAt", "updatedAt")
	require.Greater(r.t, len(r.events("shop")), len(f.Events))
	r.covers(f.Events, r.events("shop"), "seq")
	after := r.call("GET", fmt.Sprintf("/api/v1/sessions/shop/events?after=%d&limit=200", f.WebhookSeq), nil, 200)
	require.Equal(r.t, f.WebhookSeq+1, after.list("data")[0].num("seq"), "a client goes on where it was")
}

// withoutActs leaves out what the first release listed as messages of their own: what acts on
// another message is none.
func withoutActs(messages []object) []object {
	return slices.DeleteFunc(slices.Clone(messages), func(m object) bool {
		return slices.Contains([]any{"reaction", "edit", "revoke", "pin", "keep", "poll_vote", "ephemeral_setting"}, m["type"])
	})
}

// asActedOn leaves out what the acts have changed since, which are applied to what they are about.
func asActedOn(old, now []object) []object {
	for _, m := range old {
		i := slices.IndexFunc(now, func(n object) bool { return n["id"] == m["id"] })
		if i < 0 || now[i]["editedAt"] == nil && now[i]["revokedAt"] == nil {
			continue
		}
		for _, field := range []string{"text", "editedAt", "revokedAt", "quoted", "mentions", "media"} {
			delete(m, field)
		}
	}
	return old
}

// acted waits until the acts that the first release listed have changed what they are about.
func (r *rig) acted(f facts) {
	r.t.Helper()
	has := func(is func(object) bool) func() bool {
		return func() bool {
			for chat := range f.Messages {
				if slices.ContainsFunc(r.allMessages(chat), is) {
					return true
				}
			}
			return false
		}
	}
	for what, is := range map[string]func(object) bool{
		"edited":  func(m object) bool { return m["editedAt"] != nil },
		"revoked": func(m object) bool { return m["revokedAt"] != nil && m["text"] == nil },
		"reacted": func(m object) bool { return len(m["reactions"].([]any)) > 0 },
	} {
		require.Eventually(r.t, has(is), 30*time.Second, 50*time.Millisecond, what)
	}
}

// covers checks that each of the old things is there with all it had, but for some fields; it may
// have more.
func (r *rig) covers(old, now []object, key string, but ...string) {
	r.t.Helper()
	byKey := map[any]object{}
	for _, o := range now {
		byKey[o[key]] = o
	}
	for _, o := range old {
		got := byKey[o[key]]
		require.NotNil(r.t, got, "%s %v is gone", key, o[key])
		for _, field := range but {
			delete(o, field)
		}
		for field, want := range o {
			require.Equal(r.t, want, like(want, got[field]), "%s of %v", field, o[key])
		}
	}
}

// like takes out of a value the fields that the old one did not have.
func like(old, now any) any {
	switch old := old.(type) {
	case map[string]any:
		m, ok := now.(map[string]any)
		if !ok {
			return now
		}
		out := map[string]any{}
		for field, value := range m {
			if was, had := old[field]; had {
				out[field] = like(was, value)
			}
		}
		return out
	case []any:
		list, ok := now.([]any)
		if !ok || len(list) != len(old) {
			return now
		}
		out := make([]any, len(list))
		for i := range list {
			out[i] = like(old[i], list[i])
		}
		return out
	}
	return now
}

// allMessages lists a chat, page by page.
func (r *rig) allMessages(chat string) (all []object) {
	r.t.Helper()
	for cursor := ""; ; {
		page := r.call("GET", "/api/v1/messages/sessions/shop/chats/"+chat+"/messages?limit=200&cursor="+cursor, nil, 200)
		all = append(all, page.list("data")...)
		if cursor = page.str("nextCursor"); cursor == "" {
			return all
		}
	}
}

// saysTraffic checks what was under way when the release was killed: it is there once, in order,
// and the message that nobody had acknowledged is not lost.
func (r *rig) saysTraffic(w *town, f facts) {
	r.t.Helper()
	if f.Traffic == 0 {
		return
	}
	var texts, want []string
	own := 0
	for _, text := range r.texts("shop", w.phones["Bob"].Number()) {
		if strings.HasPrefix(text, "traffic ") {
			texts = append(texts, text)
		} else if text == "never acknowledged" {
			own++
		}
	}
	for i := range f.Traffic {
		want = append(want, fmt.Sprint("traffic ", i+1))
	}
	require.Equal(r.t, want, texts)
	require.Equal(r.t, 1, own)
}

// write has the session and Bob write to each other, as before.
func (r *rig) write(w *town) {
	r.t.Helper()
	ana, bob := w.phones["Ana"], w.phones["Bob"]
	require.Equal(r.t, []int{1}, ana.Devices(), "no new link")
	w.write("Bob", "after the upgrade")
	r.awaitText("shop", "after the upgrade")
	before := len(bob.Messages(0))
	r.send(map[string]any{"to": bob.Number(), "text": "I am still here"})
	got, err := bob.WaitMessages(r.t.Context(), before, 1)
	require.NoError(r.t, err)
	require.Equal(r.t, "I am still here", got[len(got)-1].Text)
	_, err = ana.Send(r.t.Context(), sandbox.Outgoing{To: bob.Number(), Text: "and the phone too"})
	require.NoError(r.t, err)
	r.awaitText("shop", "and the phone too")
}

// hooks lets the paused webhook go on: it gets what comes after its cursor, signed as before.
func (r *rig) hooks(f facts) {
	r.t.Helper()
	to := newEndpoint(r.t.(*testing.T))
	path := "/api/v1/webhooks/" + f.Webhook
	require.Equal(r.t, "paused", r.call("GET", path, nil, 200).str("state"))
	r.call("PUT", path, map[string]any{"url": to.URL}, 200)
	r.call("POST", path+"/resume", nil, 200)
	last := r.call("GET", "/api/v1/sessions/shop", nil, 200).num("lastSeq")
	all := to.await(func(all []hit) bool { // those of several chats come side by side
		got := map[int64]bool{}
		for _, h := range all {
			require.Greater(r.t, h.event.num("seq"), f.WebhookSeq, "what it had before is not sent again")
			got[h.event.num("seq")] = true
		}
		return got[last] && int64(len(got)) >= last-f.WebhookSeq
	})
	mac := hmac.New(sha256.New, []byte(f.WebhookSecret))
	mac.Write(all[0].raw)
	require.Equal(r.t, "sha256="+hex.EncodeToString(mac.Sum(nil)), all[0].header.Get("X-Hub-Signature-256"))
	require.Eventually(r.t, func() bool { return r.call("GET", path, nil, 200).num("backlog") == 0 }, time.Minute, 50*time.Millisecond)
}
