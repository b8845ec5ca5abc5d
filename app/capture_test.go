package app

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/whatsapp/sandbox"
)

// captureInto is where TestCapture leaves what it makes.
var captureInto = flag.String("capture", "", "folder in which TestCapture keeps the data of the present program")

// town is a WhatsApp whose data stay in a folder, so that it can be opened again later.
type town struct {
	*sandbox.Server
	t       *testing.T
	control *httptest.Server
	phones  map[string]*sandbox.Phone // by name
}

func openTown(t *testing.T, dir string) *town {
	t.Helper()
	s, err := sandbox.Open(sandbox.Config{DataDir: dir})
	require.NoError(t, err)
	w := &town{Server: s, t: t, control: httptest.NewServer(s.Control()), phones: map[string]*sandbox.Phone{}}
	for _, p := range s.Phones() {
		w.phones[p.Name()] = p
	}
	t.Cleanup(w.close)
	return w
}

func (w *town) close() {
	w.control.Close()
	require.NoError(w.t, w.Close())
}

// settle makes the people of the story.
func (w *town) settle() {
	for i, name := range []string{"Ana", "Bob", "Cleo", "Lia", "Mia", "Pia"} {
		p, err := w.NewPhone(fmt.Sprintf("3460010000%d", i+1), name)
		require.NoError(w.t, err)
		w.phones[name] = p
	}
}

func (w *town) write(from, text string) string {
	w.t.Helper()
	ids, err := w.phones[from].Send(w.t.Context(), sandbox.Outgoing{To: w.phones["Ana"].Number(), Text: text})
	require.NoError(w.t, err)
	return ids[0]
}

// forge sends what Send cannot: any content, with other words on the stanza.
func (w *town) forge(from string, m *waE2E.Message, attrs map[string]any) {
	w.t.Helper()
	require.NoError(w.t, w.phones[from].Forge(w.t.Context(), sandbox.Forgery{To: w.phones["Ana"].Number(), Plain: encoded(w.t, m), Attrs: attrs}))
}

// facts is what is known of captured data, besides the data.
type facts struct {
	APIKey        string              `json:"apiKey"`
	Webhook       string              `json:"webhook"`       // its id
	WebhookSecret string              `json:"webhookSecret"` // it is paused
	WebhookSeq    int64               `json:"webhookSeq"`    // of the last event that it got
	Sessions      []object            `json:"sessions"`
	Chats         []object            `json:"chats"`
	Messages      map[string][]object `json:"messages"` // by id of the chat, newest first
	Events        []object            `json:"events"`
	Keys          []object            `json:"keys"`
	Users         []object            `json:"users"`
	Traffic       int                 `json:"traffic"` // Bob's messages under way when the program was killed; 0: it was stopped
}

// TestCapture keeps what the present program leaves on disk, as TestUpgrade wants to find it: run
// it before a release, with -capture and a folder of the release's name in testdata/upgrade.
func TestCapture(t *testing.T) {
	if *captureInto == "" {
		t.Skip("makes test data; needs -capture")
	}
	bothStores(t, func(t *testing.T, at place) {
		name := "sqlite"
		if at.mongoURI != "" {
			name = "mongo"
		}
		whatsapp := t.TempDir()
		w := openTown(t, whatsapp)
		w.settle()
		r := spawnAt(t, at, w.control.URL)
		f := tell(t, r, w)
		r.stop()
		keep(t, name+"-stopped", at, w, whatsapp, f)

		w = openTown(t, whatsapp)
		r = spawnAt(t, at, w.control.URL)
		f.Traffic = interrupt(t, r, w)
		keep(t, name+"-killed", at, w, whatsapp, f)
	})
}

// keep closes the town and packs everything into one file.
func keep(t *testing.T, name string, at place, w *town, whatsapp string, f *facts) {
	w.close()
	dir := t.TempDir()
	raw, err := json.MarshalIndent(f, "", " ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "facts.json"), raw, 0o600))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "whatsapp"), os.DirFS(whatsapp)))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "data"), os.DirFS(at.dataDir)))
	if at.mongoURI != "" {
		require.NoError(t, os.Mkdir(filepath.Join(dir, "mongo"), 0o700))
		mongotest.Dump(t, at.mongoURI, filepath.Join(dir, "mongo"))
	}
	require.NoError(t, os.MkdirAll(*captureInto, 0o755))
	pack(t, dir, filepath.Join(*captureInto, name+".tar.gz"))
}

// tell has a story happen that leaves a row of every kind, and notes what the program says of it.
func tell(t *testing.T, r *rig, w *town) *facts {
	f := &facts{}
	r.linkTo("shop", w.phones["Ana"])
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "idle", "name": "Never linked"}, 201)
	r.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
	f.APIKey = r.call("POST", "/api/v1/api-keys", map[string]any{"name": "All", "scopes": []string{"*"}}, 201).str("key")
	to := newEndpoint(t)
	hook := r.call("POST", "/api/v1/webhooks", map[string]any{"url": to.URL, "sessionId": "shop"}, 201)
	f.Webhook, f.WebhookSecret = hook.str("id"), hook.str("secret")
	r.call("POST", "/api/v1/webhooks", map[string]any{"url": "http://127.0.0.1:9/nobody", "sessionId": "shop"}, 201)

	r.talk(w)
	r.people(w)
	w.write("Cleo", "last of Cleo")
	r.awaitText("shop", "last of Cleo")
	r.settings(w)
	path := "/api/v1/webhooks/" + f.Webhook
	require.Eventually(t, func() bool { return r.call("GET", path, nil, 200).num("backlog") == 0 }, time.Minute, 50*time.Millisecond)
	r.call("POST", path+"/pause", nil, 200)
	to.await(func(all []hit) bool { f.WebhookSeq = all[len(all)-1].event.num("seq"); return true })
	w.write("Bob", "while the webhook is paused")
	r.awaitText("shop", "while the webhook is paused")
	r.note(f)
	require.Greater(t, f.Events[len(f.Events)-1].num("seq"), f.WebhookSeq)
	return f
}

// send sends a text from the session and gives back the message's id.
func (r *rig) send(body map[string]any) string {
	r.t.Helper()
	return r.call("POST", "/api/v1/messages/sessions/shop/send/message", body, 201, "Idempotency-Key", fmt.Sprint(body["text"])).str("id")
}

// talk is texts, quotes, mentions, and acts on messages, in both directions.
func (r *rig) talk(w *town) {
	ana, bob := w.phones["Ana"], w.phones["Bob"]
	first := w.write("Bob", "Hello, Ana")
	w.write("Cleo", "Grüße von Cleo 🎈")
	r.awaitText("shop", "Grüße von Cleo 🎈")
	sent := r.send(map[string]any{"to": bob.Number(), "text": "Hello, Bob"})
	r.send(map[string]any{"to": bob.Number(), "text": "I quote you", "quotedMessageId": first})
	r.send(map[string]any{"to": w.phones["Cleo"].Number(), "text": "Do you know @34600100002?", "mentions": []string{bob.Number()}})
	_, err := bob.WaitMessages(r.t.Context(), 0, 2)
	require.NoError(r.t, err)
	require.NoError(r.t, bob.Read(r.t.Context(), ana.Number(), sent))
	w.forge("Bob", &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text: proto.String("I quote you, and mention @" + jidOf(r.t, w.phones["Cleo"]).User),
		ContextInfo: &waE2E.ContextInfo{
			StanzaID: proto.String(sent), Participant: proto.String(ana.LID()),
			QuotedMessage: &waE2E.Message{Conversation: proto.String("Hello, Bob")}, MentionedJID: []string{w.phones["Cleo"].LID()},
		},
	}}, nil)
	wrong, gone := w.write("Bob", "Helo"), w.write("Bob", "to be taken back")
	for _, act := range []func() (string, error){
		func() (string, error) { return bob.React(r.t.Context(), ana.Number(), sent, "👍") },
		func() (string, error) { return bob.Edit(r.t.Context(), ana.Number(), wrong, "Hello again") },
		func() (string, error) { return bob.Revoke(r.t.Context(), ana.Number(), gone) },
		func() (string, error) {
			ids, err := ana.Send(r.t.Context(), sandbox.Outgoing{To: bob.Number(), Text: "from Ana's phone"})
			return ids[0], err
		},
	} {
		_, err := act()
		require.NoError(r.t, err)
	}
	r.awaitText("shop", "from Ana's phone")
	w.forge("Bob", &waE2E.Message{Conversation: proto.String("in a group")}, map[string]any{
		"from": types.NewJID("120363000000000001", types.GroupServer), "participant": jidOf(r.t, bob),
	})
	r.awaitText("shop", "in a group")
}

// people is those of whom one name alone is known, for good or for a while.
func (r *rig) people(w *town) {
	text := func(s string) *waE2E.Message { return &waE2E.Message{Conversation: proto.String(s)} }
	w.forge("Lia", text("my number stays hidden"), map[string]any{"sender_pn": nil})
	r.awaitText("shop", "my number stays hidden")
	w.forge("Mia", text("my number is hidden"), map[string]any{"sender_pn": nil})
	r.awaitText("shop", "my number is hidden")
	w.write("Mia", "now you know it")
	r.awaitText("shop", "now you know it")
	pia := types.NewJID(strings.TrimPrefix(w.phones["Pia"].Number(), "+"), types.DefaultUserServer)
	w.forge("Pia", text("my number alone"), map[string]any{"from": pia, "sender_pn": nil, "sender_lid": nil, "addressing_mode": "pn"})
	r.awaitText("shop", "my number alone")
	w.write("Pia", "and the rest of me")
	r.awaitText("shop", "and the rest of me")
}

// settings is what the owner sets on the phone for a chat.
func (r *rig) settings(w *town) {
	ana, ctx := w.phones["Ana"], r.t.Context()
	require.NoError(r.t, ana.Archive(ctx, w.phones["Cleo"].Number(), true))
	require.NoError(r.t, ana.Mute(ctx, w.phones["Cleo"].Number(), sandbox.Forever))
	require.NoError(r.t, ana.Pin(ctx, w.phones["Bob"].Number(), true))
	for _, filter := range []string{"archived", "pinned"} {
		r.awaitEvent("shop", 0, func(e object) bool {
			return e.str("event") == "chat_update" && e.obj("data").obj("chat")[filter] == true
		})
	}
	require.Eventually(r.t, func() bool {
		for _, c := range r.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 200).list("data") {
			if c.str("phone") == w.phones["Cleo"].Number() {
				return c["mutedUntil"] != nil
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond)
}

func jidOf(t testing.TB, p *sandbox.Phone) types.JID {
	jid, err := types.ParseJID(p.LID())
	require.NoError(t, err)
	return jid
}

// note reads everything that the program says about the session, once no status changes any more.
func (r *rig) note(f *facts) {
	list := func(path string) []object { return r.call("GET", path+"limit=200", nil, 200).list("data") }
	require.Eventually(r.t, func() bool {
		f.Chats, f.Messages = list("/api/v1/messages/sessions/shop/chats?"), map[string][]object{}
		for _, c := range f.Chats {
			f.Messages[c.str("id")] = list("/api/v1/messages/sessions/shop/chats/" + c.str("id") + "/messages?")
			for _, m := range f.Messages[c.str("id")] {
				if s := m.str("status"); m["fromMe"] == true && (s == "queued" || s == "sent") && m.str("text") != "from Ana's phone" {
					return false
				}
			}
		}
		return true
	}, time.Minute, 100*time.Millisecond)
	f.Events = r.events("shop")
	f.Sessions, f.Keys, f.Users = list("/api/v1/sessions?"), list("/api/v1/api-keys?"), list("/api/v1/users?")
}

// interrupt kills the program while Bob writes and a message of its own is not yet acknowledged.
func interrupt(t *testing.T, r *rig, w *town) (total int) {
	total = 300
	ana, bob := w.phones["Ana"], w.phones["Bob"]
	r.awaitState("shop", "connected")
	require.NoError(t, w.AddFaults(sandbox.Fault{Kind: sandbox.FaultAckLost}))
	queued := make(chan struct{})
	before := len(bob.Messages(0))
	go func() {
		defer close(queued)
		body := fmt.Sprintf(`{"to":%q,"text":"never acknowledged"}`, bob.Number())
		req, err := http.NewRequestWithContext(t.Context(), "POST", r.url+"/api/v1/messages/sessions/shop/send/message", strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+r.token)
		if resp, err := http.DefaultClient.Do(req); err == nil { // it ends with the server
			_ = resp.Body.Close()
		}
	}()
	_, err := bob.WaitMessages(t.Context(), before, 1)
	require.NoError(t, err)
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "traffic {n}", Count: total})
	require.NoError(t, err)
	r.awaitText("shop", "traffic 50")
	r.kill()
	<-queued
	require.NotZero(t, ana.Waiting(), "all was taken before the kill")
	return total
}
