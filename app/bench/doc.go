// Command bench measures the whole server beside a bare whatsmeow client, in one run and
// against the same WhatsApp sandbox, so that what counts is the ratio and not the machine.
//
// The sandbox has a process of its own (world.go, child.go). In this process run the server,
// as `serve --sandbox-at` runs it, with its WebSocket and HTTP clients (gateway.go), and the
// bare clients: whatsmeow as it comes, with its own SQLite store in WAL mode with
// synchronous=NORMAL and a handler that only counts (bare.go). `task bench` gives it the C library where
// a C compiler is found (yardstick_mattn.go), which is why this is a module of its own. The sides take turns, round
// by round. The phones of the sandbox give each message a secret, as real ones do; every side keeps it.
// What is measured is in receive.go, hooked.go (receiving while a webhook delivers), send.go,
// stream.go (events to many WebSocket clients) and webhooks.go; fleet.go (start and memory with many sessions) and pages.go (reads
// of few and many messages) have servers of their own.
//
// Nothing here fails for being slow: it prints a table.
package main
