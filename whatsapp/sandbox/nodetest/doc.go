// Package nodetest finds Node.js and the packages that clients written in JavaScript stand on,
// for the tests and the soak: a proof by software that is not ours. Begin with [Packages].
package nodetest
