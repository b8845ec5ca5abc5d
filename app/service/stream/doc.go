// Package stream holds the rules of those who follow events: where streams of many sessions are.
package stream
