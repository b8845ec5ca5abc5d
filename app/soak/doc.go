// Command soak proves that nothing is lost: it lets messages in and out for as long as asked
// while it kills, fills, cuts and confuses what the server stands on, and then compares what
// both ends have.
//
// The sandbox and the server run in processes of their own (process.go, world.go,
// gateway.go), the database with them (database.go, disk.go). Contacts write and are written
// to (load.go, sends.go); every transport is followed by a client of its own (websocket.go,
// socketio.go, sse.go, webhook.go). Two groups have a form of address each (groups.go). A seeded driver
// makes the faults (faults.go, outage.go, restarts.go, beside.go, appstate.go, hostile.go). On MongoDB
// some of them are of several servers on one database (beside.go): a second works beside the first
// and is killed, or takes over from the first while that is paused for longer than its leases last.
// Clients, REST and webhook stay with the first, which is refused or silent meanwhile.
// The ledger (ledger.go, place.go, inflight.go) holds what was sent and what came out where; judge.go
// compares, report.go prints the table. Reconnect mode (reconnect.go) asks instead whether
// sessions that are cut over and over leave anything behind.
//
// Begin with run.go. It ends with code 1 when anything is lost, doubled or out of order.
package main
