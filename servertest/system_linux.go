package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the server when this process ends, however it ends.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// ofPID is P_PID of waitid(2).
const ofPID = 1

// pause returns when all threads of the server have stopped: on a busy machine it answers for a while
// after the signal was sent.
func pause(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, ofPID, uintptr(p.Pid), 0, syscall.WSTOPPED, 0, 0)
		if err == 0 {
			return nil
		}
		if err != syscall.EINTR {
			return fmt.Errorf("wait until a server has stopped: %w", err)
		}
	}
}

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// shm is memory that looks like a disk. A killed server finds its data there again, and
// its syncs cost nothing, of which tests make very many.
const shm = "/dev/shm"

// DataDir is where servers keep their data; empty is the usual place.
func DataDir() string {
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(shm, &fs) == nil && fs.Bavail*uint64(fs.Bsize) > 4<<30 {
		return shm
	}
	return ""
}
