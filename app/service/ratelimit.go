package service

import "time"

// Rates bounds how many calls one user, key and address may make per second.
type Rates struct {
	callers   *limiter
	addresses *limiter
}

// addressShare is how many callers' worth of calls may come from one address, which many
// callers can share.
const addressShare = 4

// NewRates makes the limits; perSecond 0 is without limit. A burst of two seconds' calls is let
// through.
func NewRates(perSecond int) *Rates {
	if perSecond <= 0 {
		return nil
	}
	every := time.Second / time.Duration(perSecond)
	return &Rates{
		callers: newLimiter(2*perSecond, every), addresses: newLimiter(2*addressShare*perSecond, every/addressShare),
	}
}

// Quota is what is left to a caller.
type Quota struct {
	Limit     int           // calls in a burst
	Remaining int           // of them now
	Reset     time.Duration // until all are back
}

// TakeAddress takes one call of an address, of IPv6 of its /64. TooMany.
func (r *Rates) TakeAddress(address string) error {
	address = neighbourhood(address)
	if r == nil || r.addresses.of(address).Allow() {
		return nil
	}
	return TooMany{After: max(r.addresses.wait(address), time.Second)}
}

// TakeCaller takes one call of a user or key. TooMany. Without limit the quota is zero.
func (r *Rates) TakeCaller(id string) (Quota, error) {
	if r == nil {
		return Quota{}, nil
	}
	l := r.callers.of(id)
	ok := l.Allow()
	left := max(int(l.Tokens()), 0)
	q := Quota{Limit: r.callers.burst, Remaining: left, Reset: time.Duration(r.callers.burst-left) * r.callers.every}
	if !ok {
		return q, TooMany{After: max(r.callers.wait(id), time.Second)}
	}
	return q, nil
}
