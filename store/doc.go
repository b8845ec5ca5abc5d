// Package store says what whatsapp-api keeps: the records, the contracts that a
// back end fulfils, and the errors they return. It does no I/O.
//
// One idea carries it: a session is written by its one owner, and whatever one
// happening changes in a session (a message, its chat, a contact, the Signal keys
// that decrypted it, the events that tell of it) is one [Unit], kept whole or not
// at all by [Log.Commit]. Everything else here is read from what such units left.
//
// A person is kept under a key that is fixed at first sight and never shown, so that nothing
// stored changes when an address does; what two records turn out to share is shown as one
// ([Contact], [Chat]). What a session still has to do is a [Task], written in the unit that made
// it necessary and struck off in the one that says it is done.
//
// Begin with log.go and unit.go, then messages.go, chats.go and contacts.go. The back ends are
// store/sqlite and store/mongo; store/storetest holds both to these words.
package store
