// Package sandbox is a WhatsApp server on loopback, with the phones of its
// users. It speaks the real protocol (TLS, websocket, Noise, binary stanzas,
// Signal encryption), so that unmodified clients link to it, and can be told
// to misbehave. Tests, benchmarks and the sandbox mode of the program run
// against it.
//
// Begin with server.go (Open, and what a Server holds) and phone.go (what a
// test can do with a phone). A client's connection is followed through
// conn.go (reading), noise.go (handshake), pairing.go or login.go, iq.go
// (queries), message.go, route.go and receipts.go (what is sent to others) and
// writer.go (writing). What a device has not yet acknowledged is in its outbox.go,
// from which deliver.go reads. Phones read such a queue too, in phone_receive.go.
// What no honest phone would send comes from phone_forge.go.
//
// Whoever sends, routes, does or confirms something asks the chat (chat.go): it
// knows who is in it, how they are addressed, and who may do what. What a phone
// is told to send is a draft (draft.go), of which each kind has a file.
//
// Everything that happens is one change (persist.go): first it is kept, then
// it is seen. With a data directory a server that is killed at any moment has
// therefore forgotten nothing that it showed to anybody; without one it keeps
// everything in memory. What is kept has a version (version.go). Who wants to
// see all that happens follows it (happenings.go).
//
// The same is served over HTTP by Control (control.go), whose routes huma
// describes. huma is used without its errors (control_kit.go).
//
// What goes wrong on request (faults.go, POST /sandbox/faults):
//
//   - cut, freeze, unfreeze: connections, at once
//   - stream_error with a code (515, 503, …) or a conflict (replaced,
//     device_removed): connections, at once
//   - exhaust_prekeys: the one-time keys of companions, at once
//   - hello_unanswered: the next connections, frozen in their handshake
//   - login_failure with a code: the next logins
//   - ack_error with a code (463, 479, …), ack_delay with delayMs, ack_lost,
//     ack_cut (taken, and cut before the ack): the next messages of clients
//   - repeat, reorder, corrupt: the next messages to clients
//
// Each but hello_unanswered may name a phone and a device, and those for the next of something a
// count. Media and pairing by code are not there yet, nor is more of groups than
// members, roles and subjects (group.go). What clients ask about the rest is answered with
// nothing and counted by name (unanswered.go); what they set and is not kept is refused.
package sandbox
