// Package ratchet keeps the sessions of the Signal protocol whole where libsignal does not.
//
// Two people who write to each other for the first time at the same moment each begin a
// session, so both have two: a current one and a previous one. A message is tried on the
// current one first, then on those before it. The Signal protocol works on copies there; this
// libsignal moves the ratchet of the very session it tries and leaves it moved when the message
// is not of that session. Whatever comes on that session later cannot be read any more, is asked
// for again, and comes late.
package ratchet
