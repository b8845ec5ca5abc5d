package mongo

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// thisOne is this process; nil where /proc does not tell, or is of another namespace.
func thisOne() *processDoc {
	boot, err1 := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, err2 := os.Readlink("/proc/self/ns/pid")
	self, err3 := os.Readlink("/proc/self")
	pid := os.Getpid()
	start, err4 := startOf(pid)
	if errors.Join(err1, err2, err3, err4) != nil || self != fmt.Sprint(pid) || len(boot) < 30 {
		return nil
	}
	return &processDoc{Boot: strings.TrimSpace(string(boot)), Space: space, PID: pid, Start: start}
}

// startOf is when a process began: field 22 of its stat, see proc(5). The second field is its name, which may
// have anything in it, in brackets.
func startOf(pid int) (string, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	text := string(raw)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat is malformed", pid)
	}
	return fields[22-3], nil
}

// provesDead says whether another process has ended for sure: it is of the same machine and
// namespace, and its number is nobody's, or that of one that began at another time. One that is
// stopped, or that this one may not see, lives.
func (p *processDoc) provesDead(other processDoc) bool {
	if p.Boot != other.Boot || p.Space != other.Space || other.PID <= 0 {
		return false
	}
	if errors.Is(syscall.Kill(other.PID, 0), syscall.ESRCH) { // /proc may hide it, this does not
		return true
	}
	start, err := startOf(other.PID)
	return err == nil && start != other.Start
}
