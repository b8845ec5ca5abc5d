package whatsapp

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/skip2/go-qrcode"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// pairing is the part of a loop that shows codes. WhatsApp gives six references at a time;
// the first is shown longer than the others, as its own clients do.
type pairing struct {
	codes   []string // of this round, not shown yet
	shown   int      // since pairing began
	timer   *time.Timer
	scanned bool // linked a moment ago; WhatsApp is to ask for the login
}

func (p *pairing) clock() <-chan time.Time {
	if p.timer == nil {
		return nil
	}
	return p.timer.C
}

func (p *pairing) arm(d time.Duration) {
	p.stopClock()
	p.timer = time.NewTimer(d)
}

func (p *pairing) stopClock() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

func (p *pairing) reset() {
	p.stopClock()
	*p = pairing{}
}

// idle says that no code is on show: WhatsApp is silent while one is.
func (p *pairing) idle() bool { return p.timer == nil }

// onCodes begins a round. A linked session never shows a code.
func (l *loop) onCodes(c *conn, codes []string) (verdict, bool) {
	l.freed()
	if l.dev.Linked() || len(codes) == 0 {
		return 0, false
	}
	l.pairing.codes = codes
	return l.show(c, l.s.m.cfg.Timing.QRFirst)
}

// nextCode follows the clock: the next code, a new round, or, after a scan, the login that
// WhatsApp did not ask for.
func (l *loop) nextCode(c *conn) (verdict, bool) {
	if l.pairing.scanned {
		l.pairing.reset()
		return loginAgain, true
	}
	if len(l.pairing.codes) == 0 && l.pairing.shown < l.s.m.cfg.QRCodes {
		return loginAgain, true // fresh codes come with a new connection
	}
	return l.show(c, l.s.m.cfg.Timing.QRNext)
}

// show puts up the next code, or gives up at the limit.
func (l *loop) show(_ *conn, d time.Duration) (verdict, bool) {
	if l.pairing.shown >= l.s.m.cfg.QRCodes {
		l.pairing.reset()
		l.wantStopped()
		return l.final(Stopped, ReasonQRTimeout)
	}
	text := l.pairing.codes[0]
	l.pairing.codes = l.pairing.codes[1:]
	l.pairing.shown++
	l.pairing.arm(d)
	code := Code{Text: text, Attempt: l.pairing.shown, ExpiresAt: now().Add(d)}
	l.becomeCode(QR, "", &code)
	shape, err := code.Shape()
	if err != nil {
		l.s.log.Error("QR code not drawn")
		return 0, false
	}
	l.keep(store.Unit{Session: l.s.id, Events: []store.Event{
		newEvent(l.s.id, EventQR, fmt.Sprintf("qr/%d/%s", code.Attempt, text), now(), shape),
	}})
	return 0, false
}

// onPaired notes whom the session belongs to. The login follows when WhatsApp asks for it;
// should it not ask, the clock does.
func (l *loop) onPaired(e gotPaired) (verdict, bool) {
	l.s.mu.Lock()
	l.s.record.Phone, l.s.record.LID = "+"+e.id.User, e.lid.ToNonAD().String()
	l.s.mu.Unlock()
	l.pairing.codes, l.pairing.scanned = nil, true
	l.pairing.arm(l.s.m.cfg.Timing.Pairing)
	l.become(Syncing, "")
	l.tellInfo()
	return 0, false
}

// onPairFailed shows fresh codes of a fresh device: the scan is used up, the wish to link is not.
func (l *loop) onPairFailed(c *conn, e pairFailed) (verdict, bool) {
	l.s.log.Warn("pairing failed: " + longDigits.ReplaceAllString(e.err.Error(), "…$1"))
	c.unlink.Store(true)
	l.become(Connecting, ReasonPairFailed)
	return newDevice, true
}

// wantStopped makes a session that nobody scanned stay down over restarts.
func (l *loop) wantStopped() {
	if err := l.s.desire(l.ctx, store.DesiredStopped); err != nil {
		l.s.log.Warn("desired state not kept")
	}
}

// qrPixels is the edge of a code's picture.
const qrPixels = 384

// PNG draws the code.
func (c Code) PNG() ([]byte, error) {
	png, err := qrcode.Encode(c.Text, qrcode.Medium, qrPixels)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	return png, nil
}

// Bitmap is the code's picture by modules, with its quiet zone; true is dark.
func (c Code) Bitmap() ([][]bool, error) {
	q, err := qrcode.New(c.Text, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	return q.Bitmap(), nil
}

// Shape is the code as clients see it.
func (c Code) Shape() (convert.QR, error) {
	png, err := c.PNG()
	if err != nil {
		return convert.QR{}, err
	}
	return convert.QR{
		Code: c.Text, Image: "data:image/png;base64," + base64.StdEncoding.EncodeToString(png),
		Attempt: c.Attempt, ExpiresAt: convert.Time(c.ExpiresAt),
	}, nil
}
