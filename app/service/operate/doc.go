// Package operate holds what keeps the server in order by itself: the janitor.
package operate
