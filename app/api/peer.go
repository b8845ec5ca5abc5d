package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

type peerKey struct{}

// peer is where a request comes from, and how. Limits, allow-lists, the audit log and all that
// differs with TLS look here and nowhere else.
type peer struct {
	address string // of the client, without port; of the proxy where that does not say whose request it is
	told    bool   // address is the client's
	passed  bool   // by its headers the request was forwarded, whether they are believed or not
	trusted bool   // it comes from a trusted proxy
	secure  bool   // the client speaks TLS, to this server or to the proxy
}

// peerOf is where a request comes from; locate has put it there.
func peerOf(ctx context.Context) peer {
	p, _ := ctx.Value(peerKey{}).(peer)
	return p
}

// AddressOf is the address that a request counts for: the client's, or the proxy's.
func AddressOf(ctx context.Context) string { return peerOf(ctx).address }

// ProvenAddress is the client's address, for lists of who is allowed; empty where a proxy does not
// say it, or everybody behind it would be allowed what the proxy is.
func ProvenAddress(ctx context.Context) string {
	if p := peerOf(ctx); p.told {
		return p.address
	}
	return ""
}

// Encrypted says whether the client speaks TLS, to this server or to a proxy.
func Encrypted(ctx context.Context) bool { return peerOf(ctx).secure }

// Elsewhere says whether a request was forwarded for somebody who is not on this machine, as far as is
// known: a proxy on it has its address, so a trusted one must say where the request comes from.
func Elsewhere(ctx context.Context) bool {
	p := peerOf(ctx)
	ip, err := netip.ParseAddr(p.address)
	local := p.trusted && p.told && err == nil && ip.IsLoopback()
	return p.passed && !local
}

// locate notes where a request comes from.
func (a *API) locate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), peerKey{}, a.peer(r))))
		return next(c)
	}
}

// peer reads X-Forwarded-For and X-Forwarded-Proto of the proxies that are trusted. Of anybody else
// they are not believed, since anybody can send them. The addresses are read from the right, where
// each proxy adds whose request it forwards: the first that is no trusted proxy's is the client's,
// whatever that client has written before it.
func (a *API) peer(r *http.Request) peer {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	forwarded := r.Header.Values("X-Forwarded-For")
	p := peer{address: host, told: true, passed: len(forwarded) > 0, secure: r.TLS != nil}
	if ip, ok := hop(host); ok {
		p.address = ip
	}
	if !a.Proxies.Has(p.address) {
		return p
	}
	p.trusted, p.told = true, false
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, text := range slices.Backward(hops) {
		ip, ok := hop(text)
		if !ok {
			break
		}
		p.address, p.told = ip, true
		if !a.Proxies.Has(ip) {
			break
		}
	}
	if schemes := r.Header.Values("X-Forwarded-Proto"); len(schemes) > 0 {
		last := schemes[len(schemes)-1] // the nearest proxy's word
		p.secure = strings.EqualFold(strings.TrimSpace(last[strings.LastIndex(last, ",")+1:]), "https")
	}
	return p
}

// hop reads an address as proxies write it: with or without port and brackets. It comes back in
// its one spelling.
func hop(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("").String(), true
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return ip.Unmap().WithZone("").String(), err == nil
}
