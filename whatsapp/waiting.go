package whatsapp

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// taskAct is to apply an act whose target had not come when it did.
const taskAct = "act"

const (
	actEvery = 24 * time.Hour // how often it is tried without its target having been seen to come
	actTries = 14
	maxWaits = 4096 // acts that are remembered with their targets
)

// waitingAct is the payload of such a task. The upgrade from the first version of the database
// writes it too, of what was kept as messages then.
type waitingAct struct {
	Chat      string `json:"chat"`   // key
	Sender    string `json:"sender"` // key of who acts
	ID        string `json:"id"`
	FromMe    bool   `json:"fromMe"`
	Timestamp int64  `json:"timestamp"` // Unix milliseconds
	Raw       string `json:"raw"`       // hexadecimal; the waE2E.Message

	State *stateAct `json:"state,omitempty"` // instead of Raw: it came as app state
}

// stateAct is what the phone did to a message, as app state tells it.
type stateAct struct {
	Kind   string `json:"kind"`
	Target string `json:"target"`           // its id
	Mine   bool   `json:"mine,omitempty"`   // it is the account's own
	Author string `json:"author,omitempty"` // JID, in a group
	On     bool   `json:"on,omitempty"`
	At     int64  `json:"at"` // Unix milliseconds
}

func (a stateAct) act() convert.Act {
	return convert.Act{Kind: a.Kind, Target: convert.Target{ID: a.Target, FromMe: a.Mine, Participant: a.Author}, On: a.On, At: a.At}
}

// waiting remembers which targets acts wait for, so that a message need not ask the store.
type waiting struct {
	loaded atomic.Bool

	mu    sync.Mutex
	tasks map[string][]store.Task // by the id of the target
	count int
}

func newWaiting() *waiting { return &waiting{tasks: map[string][]store.Task{}} }

func (w *waiting) add(target string, t store.Task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count < maxWaits { // others are found by their daily try
		w.tasks[target] = append(w.tasks[target], t)
		w.count++
	}
}

// forget has them read anew at the next login.
func (w *waiting) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loaded.Store(false)
	w.tasks, w.count = map[string][]store.Task{}, 0
}

// take forgets and returns the acts that wait for a target.
func (w *waiting) take(target string) []store.Task {
	w.mu.Lock()
	defer w.mu.Unlock()
	tasks := w.tasks[target]
	delete(w.tasks, target)
	w.count -= len(tasks)
	return tasks
}

// wait keeps an act until its target comes; p has the form in which it came.
func (d *draft) wait(a deed, p waitingAct) {
	p.Chat, p.Sender, p.ID, p.FromMe, p.Timestamp = a.chat, a.actor, a.id, a.fromMe, a.at.UnixMilli()
	payload, err := json.Marshal(p)
	if err != nil { // plain values
		panic(fmt.Sprintf("whatsapp: %v", err))
	}
	name := []string{taskAct}
	for _, part := range []string{a.chat, a.actor, a.id} {
		name = append(name, strings.ToUpper(hex.EncodeToString([]byte(part))))
	}
	t := store.Task{ID: strings.Join(name, "/"), Kind: taskAct, Payload: payload, Due: now().Add(actEvery)}
	if d.tasks { // nothing is waited for
		t.Due = now()
	}
	d.unit.Tasks = append(d.unit.Tasks, store.TaskChange{Task: t})
	d.s.waits.add(convert.CleanID(a.Target.ID), t)
}

// wake has the acts that wait for a message tried, once it is kept.
func (d *draft) wake(id string) {
	for _, t := range d.s.waits.take(id) {
		t.Due = now()
		d.unit.Tasks = append(d.unit.Tasks, store.TaskChange{Task: t})
		d.tasks = true
	}
}

// loadWaiting reads which targets acts wait for, once after the process began. Those that cannot be
// read are found by their daily try.
func (c *conn) loadWaiting(ctx context.Context) {
	w := c.s.waits
	if w.loaded.Swap(true) {
		return
	}
	list, err := c.s.m.cfg.Store.Tasks().List(ctx, c.s.id, taskAct, maxWaits)
	if err != nil {
		w.loaded.Store(false)
		c.s.log.Warn("waiting acts not read", zap.Error(err))
		return
	}
	for _, t := range list {
		if _, r, err := readWaiting(t); err == nil && r.Act != nil {
			w.add(convert.CleanID(r.Act.Target.ID), t)
		}
	}
}

func readWaiting(t store.Task) (p waitingAct, r convert.Reading, err error) {
	if err := json.Unmarshal(t.Payload, &p); err != nil {
		return p, r, fmt.Errorf("%w: %w", errNever, err)
	}
	if p.State != nil {
		act := p.State.act()
		return p, convert.Reading{Class: convert.ClassAct, Act: &act}, nil
	}
	raw, err := hex.DecodeString(p.Raw)
	if err != nil {
		return p, r, fmt.Errorf("%w: %w", errNever, err)
	}
	var m waE2E.Message
	if err := proto.Unmarshal(raw, &m); err != nil {
		return p, r, fmt.Errorf("%w: %w", errNever, err)
	}
	return p, convert.Read(&m), nil
}

// errNotYet says that the target of an act has not come.
var errNotYet = errors.New("target has not come")

// actAtLast applies an act that waited, for its target or for WhatsApp's word on who is an admin.
func (c *conn) actAtLast(ctx context.Context, t store.Task) (outcome, error) {
	p, r, err := readWaiting(t)
	if err != nil {
		return nil, err
	}
	if r.Act == nil {
		return nil, nil // what it was is none any more
	}
	a := deed{Act: *r.Act, chat: p.Chat, actor: p.Sender, id: p.ID, fromMe: p.FromMe, at: time.UnixMilli(p.Timestamp).UTC(), asked: true}
	if a.Kind == convert.ActRevoke && !a.Target.FromMe {
		if a.admin, err = c.isAdmin(ctx, a.chat, a.actor); err != nil {
			return nil, err
		}
	}
	return c.applied(a, r, t), nil
}

// applied is the outcome that applies an act, as far as its target has come.
func (c *conn) applied(a deed, r convert.Reading, t store.Task) outcome {
	return func(ctx context.Context, d *draft) error {
		people, err := d.s.PeopleOf(ctx, a.chat, a.actor)
		if err != nil {
			return err
		}
		for key, p := range people {
			d.know(p)
			d.people[key] = p
		}
		if err := d.meet(ctx, nil, namedIn(r)...); err != nil {
			return err
		}
		done, err := d.act(ctx, a)
		if err == nil && !done {
			err = errNotYet
		}
		if errors.Is(err, errNotYet) && t.Attempt >= actTries {
			d.s.log.Info("act on a message that never came is given up", zap.String("kind", a.Kind), zap.String("message", a.id))
			return nil
		}
		return err
	}
}

// isAdmin asks WhatsApp whether somebody is an admin of a group.
func (c *conn) isAdmin(ctx context.Context, chat, person string) (bool, error) {
	group, err := types.ParseJID(chat)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errNever, err)
	}
	if group.Server != types.GroupServer {
		return false, nil
	}
	people, err := c.s.PeopleOf(ctx, person)
	if err != nil {
		return false, err
	}
	info, err := c.client.GetGroupInfo(ctx, group)
	if err != nil {
		return false, fmt.Errorf("ask who is in a group: %w", err)
	}
	who := spellings(person, people)
	for _, p := range info.Participants {
		if !p.IsAdmin && !p.IsSuperAdmin {
			continue
		}
		for _, jid := range []types.JID{p.JID, p.PhoneNumber, p.LID} {
			if !jid.IsEmpty() && slices.Contains(who, jid.ToNonAD()) {
				return true, nil
			}
		}
	}
	return false, nil
}
