package sandbox

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

// loadAccounts reads everything back that was kept.
func (s *Server) loadAccounts() error {
	err := s.disk.each("account/", func(_ string, value []byte) error {
		var r accountRecord
		if err := json.Unmarshal(value, &r); err != nil {
			return err
		}
		a := newAccount(r.PN, r.LID, r.Name)
		a.next, a.privacy = r.Next, r.Privacy
		s.byPhone[a.pn], s.byLID[a.lid] = a, a
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range s.byPhone {
		if err := s.loadAccount(a); err != nil {
			return fmt.Errorf("account: %w", err)
		}
	}
	if err := s.loadGroups(); err != nil {
		return err
	}
	for _, a := range s.byPhone {
		if err := a.phone.showSent(); err != nil {
			return fmt.Errorf("%w: what %s has sent: %w", ErrData, a.lid, err)
		}
	}
	return nil
}

func (s *Server) loadAccount(a *account) error {
	err := s.disk.each("device/"+a.pn+"/", func(rest string, value []byte) error {
		number, err := strconv.Atoi(strings.TrimSuffix(rest, "/"))
		if err != nil {
			return err
		}
		d := newDevice(a, number)
		a.devices[number] = d
		return s.loadDevice(d, value)
	})
	if err != nil {
		return err
	}
	err = s.disk.each("watch/"+a.pn+"/", func(lid string, _ []byte) error {
		a.watchers[lid] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	err = s.disk.each("block/"+a.pn+"/", func(lid string, _ []byte) error {
		a.blocked[lid] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	err = s.disk.each("trust/"+a.pn+"/", func(lid string, _ []byte) error {
		a.trusted[lid] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range collections() {
		err = s.disk.each("patch/"+a.pn+"/"+name+"/", func(_ string, value []byte) error {
			a.patches[name] = append(a.patches[name], value)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.loadPhone(a)
}

func (s *Server) loadDevice(d *device, value []byte) error {
	var r deviceRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	copy(d.noise[:], r.Noise)
	d.keys, d.platform, d.greeted = r.Keys, r.Platform, r.Greeted
	err := s.disk.each(d.path("prekey"), func(rest string, value []byte) error {
		id, err := strconv.ParseUint(rest, 16, 32)
		d.spare = append(d.spare, publicKey{ID: uint32(id), Value: value})
		return err
	})
	if err != nil {
		return err
	}
	err = s.disk.each(d.path("seen"), func(rest string, _ []byte) error {
		id, err := hex.DecodeString(rest)
		d.seen.add(string(id))
		return err
	})
	if err != nil {
		return err
	}
	return s.loadQueue(d)
}

func (s *Server) loadPhone(a *account) error {
	p := newEmptyPhone(s, a)
	a.phone = p
	err := s.disk.each(p.path("phone"), func(_ string, value []byte) error {
		return json.Unmarshal(value, &p.record)
	})
	if err != nil {
		return err
	}
	if a.devices[0] == nil || p.record.AppKey == nil {
		return fmt.Errorf("%w: the phone of %s has no keys", ErrData, a.lid)
	}
	p.newSignal()
	if p.record.Off {
		p.power.close()
	}
	steps := []struct {
		prefix string
		take   func(rest string, value []byte) error
	}{
		{p.signal.path, func(rest string, value []byte) error {
			p.signal.sessions[rest] = value
			return nil
		}},
		{p.signal.privatePath, func(rest string, value []byte) error {
			id, err := strconv.ParseUint(rest, 16, 32)
			if err != nil || len(value) != 32 {
				return fmt.Errorf("prekey %s: %w", rest, ErrInvalid)
			}
			p.signal.prekeys[uint32(id)] = keys.NewKeyPairFromPrivateKey([32]byte(value))
			return nil
		}},
		{p.signal.groupPath, func(rest string, value []byte) error {
			name, err := hex.DecodeString(rest)
			p.signal.groups[string(name)] = value
			return err
		}},
		{p.path("received"), p.loadReceived},
		{p.path("receipt"), p.loadReceipt},
	}
	for _, step := range steps {
		if err := s.disk.each(step.prefix, step.take); err != nil {
			return err
		}
	}
	return p.loadSent()
}

func (p *Phone) loadReceived(_ string, value []byte) error {
	var r receivedRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	r.Received.Raw = r.Raw
	p.box.messages = append(p.box.messages, r.Received)
	p.box.received = r.N
	if sender := p.server.find(types.NewJID(strings.TrimPrefix(r.From, "+"), types.DefaultUserServer)); sender != nil {
		p.known.add(fmt.Sprintf("%s %d %s", sender.lid, r.Device, r.ID))
	}
	return nil
}

func (p *Phone) loadReceipt(_ string, value []byte) error {
	var r Receipt
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	p.box.receipts = append(p.box.receipts, r)
	p.box.noticed = r.N
	return nil
}
