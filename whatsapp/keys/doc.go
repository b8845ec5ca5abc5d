// Package keys keeps the device state of one WhatsApp session: its own keys, Signal
// sessions, prekeys, sender keys, app state, LID map, event buffer. It gives whatsmeow
// every store interface it asks for, over [store.Devices] (reads) and [store.Log] (writes).
//
// A running session has one owner, so what is in memory is the truth and the store only
// has to follow. That makes one durable commit per received message enough: what a
// decryption changes stays pending until the handler keeps the message itself, and
// [Device.CommitReceived] keeps both as one [store.Unit]. A crash before it leaves the old
// ratchet, and WhatsApp delivers the message again. [Device.KeepReceived] does the same
// without waiting, and keeps together what waits (queue.go).
//
// Layers, from the top: a decryption transaction (txn.go), pending changes and those in
// line to be kept (overlay.go, commit.go, queue.go), a bounded cache (cache.go), the store. A read takes
// the first layer that knows the key (read.go).
//
// Begin with device.go, then commit.go and send.go. There is one file per family of
// whatsmeow's interfaces; tables.go lists what is kept where.
package keys
