// Package deliver holds the rules of webhooks, and delivers: what they may be, where they may point, in which form an
// event comes, how it is signed, and what an answer means.
//
// In memory are the keys of the chats that events name, 10,000 of them (chatkeys.go); an event that links a number to
// a person drops that person's.
//
// Begin with webhooks.go (what can be asked) and courier.go (who delivers); formats.go is the forms of others.
package deliver
