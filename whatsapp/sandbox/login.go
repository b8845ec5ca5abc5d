package sandbox

import (
	"errors"
	"strconv"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
)

var errLoginRefused = errors.New("login refused")

// login lets a linked client in, or tells it why not.
func (c *conn) login(payload *waWa6.ClientPayload) error {
	user := types.JID{User: strconv.FormatUint(payload.GetUsername(), 10), Server: types.DefaultUserServer}
	a := c.server.find(user)
	// A client that was interrupted while it linked by code has a name for itself
	// but no device yet; it is told that it is not linked, like any stranger.
	if a == nil || payload.Device == nil || payload.GetDevice() == 0 {
		c.fail(401, "")
		return c.refused()
	}
	d := a.device(int(payload.GetDevice()))
	if d == nil || d.noise != c.client {
		c.fail(401, "")
		return c.refused()
	}
	if f, ok := c.server.faults.take(FaultLogin, d); ok {
		c.fail(f.Code, f.Text)
		return c.refused()
	}
	c.server.rename(a, payload.GetPushName())
	if old := c.attach(d); old != nil {
		old.sendLast(el("stream:error", nil, el("conflict", attrs{"type": "replaced"})))
	}
	c.send(el("success", attrs{
		"t": unix(c.server.now()), "props": "27", "location": "sandbox",
		"lid": a.lidJID(d.number), "display_name": a.pushName(), "creation": unix(c.server.now()),
	}))
	c.server.happened(DeviceOnline, a, detail(Detail{Device: d.number}))
	c.log.Debug("device logged in", zap.Int("device", d.number))
	return nil
}

// refused reads on until the client has gone, so that it gets the reason.
func (c *conn) refused() error {
	for {
		if _, err := c.readNode(); err != nil {
			return errLoginRefused
		}
	}
}

// fail takes the place of success.
func (c *conn) fail(reason int, code string) {
	a := attrs{"reason": strconv.Itoa(reason), "location": "sandbox"}
	if reason == 402 {
		a["code"], a["expire"] = "101", "3600"
		if code != "" {
			a["code"] = code
		}
	}
	c.sendLast(el("failure", a))
}

// active begins the delivery. It is the first moment at which the client's
// keys are known to be published, so here the phone learns of a new companion.
func (c *conn) active(ch *change) {
	d := c.device
	d.mu.Lock()
	greeted := d.greeted
	d.mu.Unlock()
	if !greeted {
		phone := d.account.device(0)
		c.server.enqueue(ch, phone, el("notification", attrs{
			"from": d.account.lidJID(d.number), "type": companionReady, "id": c.server.nextID(), "t": unix(c.server.now()),
		}))
	}
	ch.then(c.startDelivery)
}

// companionReady is the notification by which a phone of this sandbox learns
// that one of its companions is there for the first time. It is never sent to
// clients.
const companionReady = "sandbox_companion_ready"

// removeDevice unlinks a companion: whoever asked for it, the others are told
// and the keys and the queue are gone.
func (s *Server) removeDevice(c *change, d *device) {
	a := d.account
	a.mu.Lock()
	delete(a.devices, d.number)
	a.mu.Unlock()
	d.mu.Lock()
	d.removed = true
	d.forget(c)
	d.mu.Unlock()
	s.notifyDevices(c, a, "remove", d)
	c.then(func() { s.happened(DeviceUnlinked, a, detail(Detail{Device: d.number})) })
}
