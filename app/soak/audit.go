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
	after int            // newest receipt that was read
	acked map[inKey]bool // messages that a session has acknowledged, not yet found in the store
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
				a.acked = map[inKey]bool{}
			}
			for _, id := range r.IDs {
				a.acked[inKey{session, id}] = true
			}
		}
	}
	return nil
}

// ackedOf lists the acknowledged among these messages.
func (s *soak) ackedOf(messages map[inKey]bool) (acked []string) {
	for _, a := range s.audits {
		for m := range a.acked {
			if messages[m] {
				acked = append(acked, m.id)
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
	return d.killGateway()
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

// auditStore looks for everything that was acknowledged since the last audit. What is not noted
// yet, because its contact has only just written, is left for the next.
func (s *soak) auditStore(ctx context.Context) error {
	total := 0
	wanted := map[chatKey]map[string]bool{}
	for _, a := range s.audits {
		for m := range a.acked {
			k, noted := s.ledger.chatOf(m)
			if !noted {
				continue
			}
			if wanted[k] == nil {
				wanted[k] = map[string]bool{}
			}
			wanted[k][m.id] = true
			delete(a.acked, m)
			total++
		}
	}
	for k, ids := range wanted {
		err := s.gateway.messages(ctx, k.session, k.contact, func(page []message) bool {
			for _, m := range page {
				delete(ids, m.ID)
			}
			return len(ids) > 0
		})
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		for id := range ids {
			s.ledger.violation("message %s to %s in %s was acknowledged, and is not in the store", id, k.session, k.contact)
		}
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
