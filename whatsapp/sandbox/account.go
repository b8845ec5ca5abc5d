package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// account is one user of WhatsApp: a phone number, a hidden identity that is
// its true name, and devices, of which number 0 is the phone.
type account struct {
	pn  string // user part of the phone number address
	lid string // user part of the hidden address

	patching sync.Mutex // held until a change of patches is committed; see change.hold

	mu       sync.Mutex
	name     string // the push name, one for all devices
	next     int    // number of the next device
	devices  map[int]*device
	watchers map[string]struct{} // who asked for the device list, by LID user
	blocked  map[string]struct{} // of whom it wants nothing, by LID user
	trusted  map[string]struct{} // whom it has given a token to, by LID user
	patches  map[string][][]byte // app state by collection; its version is its length
	privacy  map[string]string   // what it has chosen, by category
	online   presence

	phone *Phone
}

// accountRecord is what is kept of an account itself.
type accountRecord struct {
	PN      string            `json:"pn"`
	LID     string            `json:"lid"`
	Name    string            `json:"name"`
	Next    int               `json:"next"`
	Privacy map[string]string `json:"privacy,omitempty"`
}

// presence is what others may see of an account.
type presence struct {
	available   bool
	last        time.Time
	subscribers map[*device]types.JID // in the form of address they asked with
}

// maxDevice is the last number a companion can have: the wire has one byte for
// it. 99 is left out because it means a hosted device to some clients.
const (
	maxDevice    = 250
	hostedDevice = 99
)

func newAccount(pn, lid, name string) *account {
	return &account{
		pn: pn, lid: lid, name: name, next: 1,
		devices:  make(map[int]*device),
		watchers: make(map[string]struct{}),
		blocked:  make(map[string]struct{}),
		trusted:  make(map[string]struct{}),
		patches:  make(map[string][][]byte),
		online:   presence{subscribers: make(map[*device]types.JID)},
	}
}

func (a *account) key() string { return "account/" + a.pn }

// save keeps the account's own record; the caller holds a.mu.
func (a *account) save(c *change) {
	c.put(a.key(), accountRecord{PN: a.pn, LID: a.lid, Name: a.name, Next: a.next, Privacy: a.privacy})
}

func (a *account) pnJID(device int) types.JID {
	return types.JID{User: a.pn, Device: uint16(device), Server: types.DefaultUserServer}
}

func (a *account) lidJID(device int) types.JID {
	return types.JID{User: a.lid, Device: uint16(device), Server: types.HiddenUserServer}
}

// jid is the account's address in the same form as another address.
func (a *account) jid(device int, like types.JID) types.JID {
	if like.Server == types.HiddenUserServer {
		return a.lidJID(device)
	}
	return a.pnJID(device)
}

func (a *account) pushName() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.name
}

// rename takes a new push name over, whoever it comes from: the phone, a
// login or a presence. Names that differ between these make clients send
// theirs back, so there is one.
func (s *Server) rename(a *account, name string) {
	if name == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.name == name {
		return
	}
	a.name = name
	c := s.change()
	a.save(c)
	c.then(func() { s.happened(PhoneChanged, a, detail(Detail{Name: name})) })
	c.commit()
}

func (a *account) device(number int) *device {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.devices[number]
}

// list is all devices by number, the phone first.
func (a *account) list() []*device {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*device, 0, len(a.devices))
	for _, d := range a.devices {
		list = append(list, d)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].number < list[j].number })
	return list
}

// companions is list without the phone.
func (a *account) companions() []*device { return a.list()[1:] }

// find is the account behind an address of either form.
func (s *Server) find(jid types.JID) *account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch jid.Server {
	case types.DefaultUserServer, types.LegacyUserServer:
		return s.byPhone[jid.User]
	case types.HiddenUserServer:
		return s.byLID[jid.User]
	}
	return nil
}

// canonical names whoever is behind an address, whatever form it has.
func (s *Server) canonical(jid types.JID) string {
	if a := s.find(jid); a != nil {
		return a.lid
	}
	return bare(jid).String()
}

func (s *Server) accounts() []*account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*account, 0, len(s.byPhone))
	for _, a := range s.byPhone {
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].pn < list[j].pn })
	return list
}

// hiddenUser gives a number its hidden identity. It looks nothing like the
// number, and is the same whenever the same phones are made, so that tests can
// be repeated.
func (s *Server) hiddenUser(pn string) string {
	sum := sha256.Sum256([]byte("lid:" + pn))
	n := uint64(0)
	for _, b := range sum[:6] {
		n = n<<8 | uint64(b)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for {
		lid := fmt.Sprintf("2%014d", n%100_000_000_000_000)
		if s.byLID[lid] == nil {
			return lid
		}
		n++
	}
}

// parsePhone takes digits with or without + and gives the digits.
func parsePhone(text string) (string, error) {
	digits := strings.TrimPrefix(strings.TrimSpace(text), "+")
	if len(digits) < 7 || len(digits) > 15 || digits[0] == '0' ||
		strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", fmt.Errorf("%w: %q", ErrPhoneInvalid, text)
	}
	return digits, nil
}

// devicesHash is the short name of a device list that both sides compare.
func devicesHash(jids []types.JID) string {
	names := make([]string, len(jids))
	for i, jid := range jids {
		names[i] = jid.ADString()
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "")))
	return "2:" + base64.RawStdEncoding.EncodeToString(sum[:6])
}
