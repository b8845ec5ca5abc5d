package main

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill a child when this process ends, however it ends. A
// terminal's interrupt is for this process alone.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// mount puts a file system of a limited size, in memory, over a folder.
func mount(dir, size string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size)
}

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
