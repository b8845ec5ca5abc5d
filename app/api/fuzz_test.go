package api

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
)

// FuzzForwarded feeds the headers by which proxies say where a request came from: of who is no
// trusted proxy nothing is believed, and of one only what it has added itself.
func FuzzForwarded(f *testing.F) {
	for _, seed := range [][3]string{
		{"127.0.0.1:5", "203.0.113.7", "for=203.0.113.7"}, {"[::1]:5", "a, b, c", "\"[::1]\""}, {"@", "", ""}, {"10.0.0.1", "\x00", "for=_"}, {"[fe80::1%eth0]:1", "127.0.0.1", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	a := &API{Config: Config{Logger: zap.NewNop()}}
	behind := &API{Config: Config{Logger: zap.NewNop(), Proxies: service.Networks{netip.MustParsePrefix("192.0.2.1/32")}}}
	f.Fuzz(func(t *testing.T, remote, one, other string) {
		at := func(remote string, headers http.Header) peer {
			return a.peer(&http.Request{RemoteAddr: remote, Header: headers})
		}
		lying := http.Header{}
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip"} {
			lying[name] = []string{one, other}
		}
		honest, liar := at(remote, http.Header{}), at(remote, lying)
		require.Equal(t, honest.address, liar.address)
		require.False(t, liar.secure)
		lying["X-Forwarded-For"] = append(lying["X-Forwarded-For"], "203.0.113.9")
		lying["X-Forwarded-Proto"] = append(lying["X-Forwarded-Proto"], "http")
		told := behind.peer(&http.Request{RemoteAddr: "192.0.2.1:4", Header: lying})
		require.Equal(t, peer{address: "203.0.113.9", told: true, passed: true, trusted: true}, told)
	})
}
