// Package account holds the rules of who uses this server: users, passwords and logins, access tokens, API keys, and
// the log of who did what.
//
// In memory are tokens and keys that were checked, for 5 seconds, 10,000 of each; whatever changes one drops it
// here at once, and elsewhere when the store tells of it. So are failed logins, of 100,000 accounts and addresses,
// forgotten by age.
//
// Begin with accounts.go (users) and tokens.go.
package account
