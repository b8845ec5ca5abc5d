// Package account has the rows of who uses the server: users, logins, API keys, and the log of who did what.
//
// Begin with users.go.
package account
