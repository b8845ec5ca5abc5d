// Package mediatest holds a place of files to the words of package media. Each of the places calls
// Run, and no case is left out for one of them: a difference that is found between them becomes a
// case here first, and is cured then. TestMain calls Child, for the case that kills.
package mediatest
