// Package store says what whatsapp-api keeps: the records, the contracts that a
// back end fulfils, and the errors they return. It does no I/O.
//
// One idea carries it: a session is written by its one owner, and whatever one
// happening changes in a session (a message, its chat, a contact, the Signal keys
// that decrypted it, the events that tell of it) is one [Unit], kept whole or not
// at all by [Log.Commit]. Everything else here is read from what such units left.
//
// Begin with log.go, then messages.go and chats.go. The back ends are
// store/sqlite and store/mongo; store/storetest holds both to these words.
package store
