package service

import (
	"fmt"
	"net/netip"
	"slices"
)

// Networks is a list of networks. The zero value holds no address.
type Networks []netip.Prefix

// ParseNetworks reads networks in CIDR, and single addresses. An IPv4 address that is written
// as one of IPv6 (::ffff:10.0.0.1) is taken as IPv4.
func ParseNetworks(texts []string) (Networks, error) {
	var list Networks
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
			}
			ip = plain(ip)
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

// Has says whether an address, without port, is in one of the networks. What is no address is in none.
func (n Networks) Has(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && n.Contains(plain(ip))
}

// Contains says whether an address in its one spelling is in one of the networks.
func (n Networks) Contains(ip netip.Addr) bool {
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// plain is an address in its one spelling: IPv4 as such, and IPv6 without a zone.
func plain(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// Neighbourhood is what limits count an address as: an IPv6 address as its /64, all of which one
// customer has, and any other as itself.
func Neighbourhood(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = plain(ip); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
