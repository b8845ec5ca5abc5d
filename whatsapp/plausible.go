package whatsapp

import "time"

// Times come from outside in every form: of a server, of senders' clocks, of whoever wants to stand
// on top of every list for ever. What orders records is held between these bounds; what was said is
// kept beside it where it differs.

// ahead is how far a clock may be before the one that it is judged by.
const ahead = time.Minute

// beginning is before every message: WhatsApp is younger.
var beginning = time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC)

// plausible is a time as WhatsApp's server told it, or now where it cannot be one.
func plausible(at time.Time) time.Time {
	present := now()
	if at.After(present.Add(ahead)) || at.Before(beginning) {
		return present
	}
	return at.UTC()
}

// within is a time by the clock of who acted, in Unix milliseconds: that of the stanza that brought
// the act where there is none, or one later than that. An early one is theirs: it counts for less.
func within(ms int64, stanza time.Time) int64 {
	if ms <= 0 || ms > stanza.Add(ahead).UnixMilli() {
		return stanza.UnixMilli()
	}
	return ms
}
