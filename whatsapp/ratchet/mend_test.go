package ratchet

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The records are shortened; what libsignal really writes is in the tests of the keys.
const (
	a     = `{"ReceiverChains":["a"],"SenderBaseKey":"QQ==","SessionVersion":3}`
	aUsed = `{"ReceiverChains":["a","a2"],"SenderBaseKey":"QQ==","SessionVersion":3}`
	b     = `{"ReceiverChains":["b"],"SenderBaseKey":"Qg==","SessionVersion":3}`
	bUsed = `{"ReceiverChains":["b","b2"],"SenderBaseKey":"Qg==","SessionVersion":3}`
	c     = `{"ReceiverChains":["c"],"SenderBaseKey":"Qw==","SessionVersion":3}`
)

func records(current, previous string) string {
	return `{"SessionState":` + current + `,"PreviousStates":[` + previous + `]}`
}

func TestMend(t *testing.T) {
	for name, x := range map[string]struct{ before, after, want string }{
		"one session":               {records(a, ``), records(aUsed, ``), records(aUsed, ``)},
		"the current one fits":      {records(a, b), records(aUsed, b), records(aUsed, b)},
		"a previous one fits":       {records(a, b), records(bUsed, aUsed), records(bUsed, a)},
		"and its copy is left":      {records(a, b), records(bUsed, aUsed+`,`+bUsed), records(bUsed, a)},
		"several are tried":         {records(a, b+`,`+c), records(c, aUsed+`,`+bUsed), records(c, a+`,`+b)},
		"a new one":                 {records(a, b), records(c, a+`,`+b), records(c, a+`,`+b)},
		"nothing before":            {``, records(a, b), records(a, b)},
		"another form of before":    {`x`, records(a, bUsed), records(a, bUsed)},
		"another form of after":     {records(a, b), `"PreviousStates":[{`, `"PreviousStates":[{`},
		"sessions without a key":    {records(a, b), records(a, `{}`), records(a, `{}`)},
		"one that nobody remembers": {records(a, ``), records(a, bUsed), records(a, bUsed)},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, x.want, string(Mend([]byte(x.before), []byte(x.after))))
		})
	}
}
