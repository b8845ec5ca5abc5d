package sandbox

import (
	"context"
	"fmt"
	"maps"
)

// Forgery is a message that no honest phone writes.
type Forgery struct {
	To    string         // phone number; its companions get it
	Plain []byte         // what is encrypted: an encoded Message, or anything else
	Attrs map[string]any // of the stanza (strings and types.JID), in place of the honest ones; nil leaves one out
}

// Forge sends a forgery. Whoever its stanza says that it comes from, it is encrypted with the
// keys of this phone, so that who looks closely can tell. It is not sent again on request.
func (p *Phone) Forge(ctx context.Context, f Forgery) error {
	to, err := p.server.accountOf(f.To)
	if err != nil {
		return err
	}
	p.mu.Lock()
	c := p.begin()
	in, l := p.server.chatWith(p.account, to, false), letter{id: messageID()}
	for _, d := range to.companions() {
		var enc node
		if enc, err = p.encrypt(c, d, pad(f.Plain), nil); err != nil {
			break
		}
		n := in.message(p.device(), d, l, enc)
		maps.Copy(n.Attrs, f.Attrs)
		p.server.enqueue(c, d, n)
	}
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("forge: %w", err)
	}
	return c.wait(ctx)
}
