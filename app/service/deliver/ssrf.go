package deliver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"whatsapp-api/app/service"
)

// Targets says which addresses outgoing webhooks may reach: the public internet, and the
// private networks that the operator has named. It is asked for every connection, with the
// address that the name was resolved to and that is dialled, so neither a name that points
// inside, nor a redirect, nor a name that changes its address between two look-ups gets past it.
type Targets struct {
	private service.Networks
}

// NewTargets makes the rule from networks in CIDR.
func NewTargets(private []string) (*Targets, error) {
	t := &Targets{}
	for _, text := range private {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("webhook targets: %w", err)
		}
		if p.Addr().Is4In6() {
			return nil, fmt.Errorf("webhook targets: write %s as a network of IPv4", text)
		}
		t.private = append(t.private, p.Masked())
	}
	return t, nil
}

// errTarget says that an address is not one that webhooks may reach.
var errTarget = errors.New("the address is private or reserved, and not in WEBHOOK_PRIVATE_TARGETS")

// notPublic are the networks of IPv4 that are not the public internet (IANA's special-purpose
// registry). Of IPv6 only what is in global is public, without notGlobal: that leaves out the
// unspecified, loopback, link-local, unique local, multicast, IPv4-compatible and NAT64
// addresses, and the ways to wrap up an IPv4 address (Teredo, 6to4).
var (
	notPublic = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
	global    = prefixes("2000::/3")
	notGlobal = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

func prefixes(texts ...string) (list service.Networks) {
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

// check returns errTarget for an address that webhooks may not reach.
func (t *Targets) check(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	public := global.Contains(ip) && !notGlobal.Contains(ip)
	if ip.Is4() {
		public = !notPublic.Contains(ip)
	}
	if public || t.private.Contains(ip) {
		return nil
	}
	return fmt.Errorf("%w: %s", errTarget, ip)
}

// control is a net.Dialer's: it sees each address just before it is connected to.
func (t *Targets) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", errTarget, address)
	}
	return t.check(to.Addr())
}

// maxURL bounds a webhook's URL, in bytes.
const maxURL = 2048

// checkURL says what is wrong with a webhook's URL; empty: nothing that can be seen without
// asking the DNS.
func (t *Targets) checkURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return fmt.Sprintf("must be at most %d bytes", maxURL)
	case err != nil || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "must be a URL such as https://example.com/hook"
	case u.User != nil:
		return "must not hold a user name or password; use a header"
	case u.Fragment != "":
		return "must not have a fragment"
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err == nil && t.check(ip) != nil || err != nil && localName(u.Hostname()) && t.check(netip.MustParseAddr("127.0.0.1")) != nil {
		return "points to a private or reserved address; the operator can allow it with WEBHOOK_PRIVATE_TARGETS"
	}
	return ""
}

func localName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// dialer connects only to what check lets through.
func (t *Targets) dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, Control: t.control}
}
