// Package whatsapp runs sessions: it links them, keeps them connected, receives and sends.
// It alone uses whatsmeow's client, and knows neither HTTP nor users.
//
// A [Manager] holds all sessions of the process. A [Session] is driven by one loop
// (loop.go) that owns its state; whatsmeow's events come through one switch (handler.go),
// are kept in one store unit each, and only then acknowledged to WhatsApp. Messages need
// not wait for each other's commits: what is sent meanwhile waits in the outlet
// (outlet.go). While the store is away, what comes is refused, with everything after it, until
// the connection begins anew: so nothing is lost and nothing overtakes. What the store would
// never take is kept as far as it goes and acknowledged (faults.go).
//
// Begin with states.go, then loop.go, receive.go and outlet.go. What leans on the unpromised
// behaviour of a library is in workarounds.go.
//
// # The way of a message
//
//	WhatsApp        whatsmeow           conn, draft            keys.Device         store
//	   │ stanza         │                    │                      │                │
//	   ├───────────────>│ (backlog counts)   │                      │                │
//	   │                │ decrypt ──────────────────────────────────> pending keys   │
//	   │                │ events.Message     │                      │                │
//	   │                ├───────────────────>│ dispatch, onMessage  │                │
//	   │                │                    │ ingest: draft a unit │                │
//	   │                │                    │ outlet.hold          │                │
//	   │                │                    ├─ KeepReceived ──────>│ queue, with    │
//	   │                │<── kept: true ─────┤                      │ pending keys   │
//	   │                │ receipt, ack       │                      ├─ drain: one ──>│
//	   │                ├─> outlet: held     │                      │  commit for    │
//	   │                │ next stanza …      │                      │  all in line   │
//	   │                │                    │                      │<──── kept ─────┤
//	   │                │                    │<── then(nil) ────────┤                │
//	   │<═══════════════╪═ outlet.release ═══┤                      │                │
//
// When the commit fails because the store is away, then(err) settles the conn: the outlet fails, so
// that the acknowledgement never leaves, every further event is refused, and the loop begins anew
// with a new client. Where the unit itself is at fault, the queue asks for a lesser one.
//
// # The way of a send
//
//	REST            Session, conn           whatsmeow           keys.Device         WhatsApp
//	 │ Send             │                      │                    │                  │
//	 ├─────────────────>│ usable? recipient?   │                    │                  │
//	 │                  │ flight.start(id)     │                    │                  │
//	 │                  │ ingest: draft "queued"                    │                  │
//	 │                  │ outlet.hold          │                    │                  │
//	 │                  ├─ Hand ───────────────────────────────────>│ queue            │
//	 │                  ├─ SendMessage ───────>│ encrypt            │                  │
//	 │                  │                      ├─ PutManySessions ─>│ drain: message   │
//	 │                  │                      │                    │ and keys in one  │
//	 │                  │<────────────── outlet.release ────────────┤ commit           │
//	 │                  │                      ├═ stanza ════════════════════════════════>│
//	 │                  │                      │<═ ack ══════════════════════════════════┤
//	 │                  │<─ timestamp ─────────┤                    │                  │
//	 │                  ├─ sent: status, events, Hand ─────────────>│ queue            │
//	 │<─ message ───────┤ flight.end(id)       │                    │                  │
//	 │                  │                      │      KeepWithin: ──┤ drain: with what │
//	 │                  │                      │                    │ else is in line  │
//
// The answer goes before its outcome is kept: the message is kept as queued, and would be found and
// sent again. Who reads the session waits for outcomes that were answered (Session.Settled).
//
// Without an ack the message stays queued. It is sent again under its id at the next login, and
// every minute while connected, until it is too old (outcome.go).
//
// # Memories
//
// Each is beside the store, and a read takes the memory first:
//
//   - Session.people: who a key and an address are. Dropped by age (256) and, whole, when two records
//     become one person and when a unit that taught one was not kept.
//   - Session.record: the session's own record, and so its owner. Read again once Manager.Changed says that
//     it may be another, and after 10 s.
//   - Session.timers: which chats are there, and their timers. Dropped by age (1,024) and with people.
//   - Session.doubts: of which pairings WhatsApp was asked. Dropped by age (64).
//   - Session.unread: messages whose place is held until they can be read. Dropped by age (1,024).
//   - Session.waits: which targets acts wait for; 4,096 at most, others are tried once a day.
//   - Session.recent: the status of own messages, the newest 256, from when they are queued; never
//     behind the store's. Dropped whole when a unit that raises one was not kept.
//   - Session.told: of which own messages message_sent was told. Dropped by age (4,096); a caller
//     that could not tell takes its own out.
//   - Session.flight: sends under way, by message id; each goes when its send ends, whatever came of it.
//   - conn.owed: how many outcomes were answered and are not kept yet. A failed commit leaves the
//     message queued.
//   - loop.untold: changes of state that the store has not taken. A failed commit leaves them in
//     line; the store takes them in order later, and the oldest of more than 1,000 are dropped.
//   - conn.in, the backlog: stanzas that are read and not handled. Dropped with the connection.
//   - conn.out and held: what may not leave yet. A failed commit closes it for ever; dropped with the conn.
//   - conn.mail: signals to the loop. Dropped with the conn.
//   - conn.members: groups whose members changed since whatsmeow asked for them; each goes when they
//     are asked for, before the next message. Dropped with the conn.
//   - keys: pending overlay and queue are the truth until they are kept: a failed commit puts them
//     back, under what was written since. The cache (512 values, 256 KB) has only what the store has,
//     and takes over what a commit has kept. The filter of buffered hashes may say yes in vain; it
//     learns from commits that were kept and forgets nothing.
//
// # Locks
//
// In the order in which they are taken; none is taken while one further down is held:
//
//  1. Session.ops: one of Listen, Stop, Unlink. Held while the loop ends.
//  2. conn.gate: for reading while an event is handled; close takes it to wait for the last.
//  3. conn.framing: over one send, until it is acknowledged.
//  4. Session.ingest: units that follow from what is stored are made one after the other. Held over
//     reads, and over a commit only where a unit makes one person of two records, or a read has to
//     see what is in line.
//  5. keys: prekeys, writing, committing and knowing, then mu (device.go). A commit runs under
//     committing, and the functions that are told its end run there too: they may not wait for the device.
//  6. Session.mu, flight.mu, recent.mu, mailbox.mu, backlog.mu, pulse.mu, outlet.mu, held.mu: over no
//     I/O and over each other only in held (mu before writing, which is held while bytes go out).
//
// Manager.mu is apart: it is taken alone, and before Session.mu in Manager.session.
package whatsapp
