package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"whatsapp-api/whatsapp/sandbox"
)

// audit is how far a contact's receipts were looked at.
type audit struct {
	after int             // newest receipt that was read
	acked map[string]bool // messages that a session has acknowledged, not yet found in the store
	to    map[string]string
}

// readReceipts learns which messages the sessions have acknowledged. The phones of their
// owners acknowledge too, as device 0, which is not looked at.
func (s *soak) readReceipts(ctx context.Context) error {
	owner := map[string]string{}
	for _, one := range s.sessions {
		owner[one.phone] = one.id
	}
	for phone, a := range s.audits {
		list, err := s.world.receipts(ctx, phone, a.after)
		if err != nil {
			return err
		}
		for _, r := range list {
			a.after = r.N
			session, ours := owner[r.From]
			switch {
			case !ours || r.Device == 0:
				continue
			case r.Type == "retry": // nothing that the soak does makes a message unreadable
				s.ledger.violation("session %s has asked for %s again", session, shown(r.IDs))
				continue
			}
			if a.acked == nil {
				a.acked, a.to = map[string]bool{}, map[string]string{}
			}
			for _, id := range r.IDs {
				a.acked[id], a.to[id] = true, session
			}
		}
	}
	return nil
}

// ackedOf lists the acknowledged among these messages.
func (s *soak) ackedOf(ids map[string]bool) (acked []string) {
	for _, a := range s.audits {
		for id := range a.acked {
			if ids[id] {
				acked = append(acked, id)
			}
		}
	}
	return acked
}

// killAudited kills the server and looks, before WhatsApp can send anything again, whether
// all that was acknowledged is in the store.
func (d *driver) killAudited(ctx context.Context) error {
	progress("kill -9 of the server, and an audit of what was acknowledged")
	if err := d.takeDown(ctx); err != nil {
		return err
	}
	return d.bringUp(ctx)
}

// takeDown ends the server between two moments of WhatsApp: nothing is acknowledged after
// what readReceipts has seen.
func (d *driver) takeDown(ctx context.Context) error {
	if err := d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultFreeze}); err != nil {
		return err
	}
	if err := d.readReceipts(ctx); err != nil {
		return err
	}
	return d.gateway.p.kill()
}

// bringUp starts the server with WhatsApp shut, compares, and opens WhatsApp again.
func (d *driver) bringUp(ctx context.Context) error {
	err := d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultLogin, Code: 503, Count: -1})
	if err == nil {
		err = d.gateway.start(ctx)
	}
	if err == nil {
		err = d.auditStore(ctx)
	}
	// Connections that were not let in stay open, so they are cut.
	return errors.Join(err, d.world.clear(ctx), d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultCut}))
}

// auditStore looks for everything that was acknowledged since the last audit.
func (s *soak) auditStore(ctx context.Context) error {
	total := 0
	for phone, a := range s.audits {
		total += len(a.acked)
		chats := map[string]int{}
		for id := range a.acked {
			chats[a.to[id]]++
		}
		for session, left := range chats {
			err := s.gateway.messages(ctx, session, phone, func(page []message) bool {
				for _, m := range page {
					if a.acked[m.ID] && a.to[m.ID] == session {
						delete(a.acked, m.ID)
						left--
					}
				}
				return left > 0
			})
			if err != nil {
				return fmt.Errorf("audit: %w", err)
			}
		}
		for id := range a.acked {
			s.ledger.violation("message %s of %s to %s was acknowledged, and is not in the store", id, phone, a.to[id])
		}
		a.acked, a.to = nil, nil
	}
	progress("audit: %d acknowledged messages looked for in the store", total)
	return nil
}

// shown is a list for a message, cut when long.
func shown(list []string) string {
	slices.Sort(list)
	if len(list) > 5 {
		return fmt.Sprintf("%v and %d more", list[:5], len(list)-5)
	}
	return fmt.Sprint(list)
}
