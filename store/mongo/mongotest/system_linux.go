package mongotest

import (
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the server when this process ends, however it ends.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

func pause(p *os.Process) error  { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// shm is memory that looks like a disk. A killed server finds its data there again, and
// its syncs cost nothing, of which tests make very many.
const shm = "/dev/shm"

// dataDir is where servers keep their data; empty is the usual place.
func dataDir() string {
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(shm, &fs) == nil && fs.Bavail*uint64(fs.Bsize) > 4<<30 {
		return shm
	}
	return ""
}
