// Package folder keeps files in a folder of the machine's own disk, each as ab/cd/<SHA-256> below
// it. What is being written is in the folder incoming, and gets its name once it is on the disk.
// Begin reading at folder.go.
package folder
