// Package service holds the rules of this server: who may do what, how many, how often, and
// when. It knows neither HTTP nor a database; one file per noun.
//
// Begin with accounts.go (users, passwords, tokens) and sessions.go.
package service
