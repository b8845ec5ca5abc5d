// Package consumer takes events from the log to whoever wants each of them at least once and in order, however
// long that takes: webhooks are such consumers. What a delivery is, a consumer says itself, see Spec.Deliver.
//
// What is promised. Every event that a consumer wants is delivered, or becomes a dead letter after the
// consumer's RetryFor. Events of one chat are delivered in order, one at a time; chats do not wait for each
// other, however much waits of one. Whoever asks for a replay gets old events beside the new ones. A crash
// repeats what was under way and what was delivered in the last moments; a stop repeats what it cut off.
//
// How. A follower for each consumer and session (stream.go) reads the event log from a cursor in the store and
// puts what is wanted into lanes, one a chat (lane.go). Workers take the lanes that are ready in turn
// (worker.go). All lanes of a consumer hold at most a window of events in memory. Where the first of a lane has
// failed, those behind it become records in the store, and are read again when their turn comes; when
// the window is full of events that nobody has tried yet, reading stops and the log keeps the rest. Progress (deliveries made,
// and how far the cursors may go) is written for all consumers together, a few times a second (progress.go). A cursor goes
// past an event when it was delivered or when a record says that it waits.
//
// In memory, of each consumer: a window of items (1,000, and those of up to 8 lanes that are read again), 1 MB of
// their events, a lane of 200 bytes for each chat of which something waits, and what was delivered ahead of the
// cursors before a crash, until it is read again. All of it is in the store or in the log too, goes with the consumer,
// and stays until it was written when a write fails.
//
// Locks: runner.flushing before runner.mu and Pool.mu; Pool.starting before both of the latter. The store is asked under flushing
// and starting alone.
//
// Begin with pool.go.
package consumer
