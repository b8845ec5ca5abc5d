//go:build unix

package main

import "syscall"

// freeze stops a process where it is: it does nothing more, and its connections stay open.
func (p *process) freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// thaw lets it go on, as if no time had passed.
func (p *process) thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
