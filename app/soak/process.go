package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// build makes the server's binary, once for all stores.
func build(ctx context.Context, dir string, race bool) (string, error) {
	binary := filepath.Join(dir, "whatsapp-api")
	args := []string{"build", "-o", binary}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "whatsapp-api/cmd/whatsapp-api")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return binary, nil
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	out   io.Reader     // its standard output
	ended chan struct{} // closed when it is gone
}

// launch starts a program in a folder, with no other settings than these; what it says on
// standard error is added to a file.
func launch(logFile, dir, binary string, args, env []string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Stderr = dir, log
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME"} {
		if value, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	dieWithParent(cmd)
	// Not StdoutPipe: Wait would close it, and what was written last would be gone.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	cmd.Stdout = write
	p := &process{cmd: cmd, out: read, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// On Linux a child is killed when the thread that started it ends, so that
		// thread waits here for as long as the child lives.
		runtime.LockOSThread()
		defer close(p.ended)
		err := cmd.Start()
		started <- errors.Join(err, write.Close(), log.Close())
		if err == nil {
			_ = cmd.Wait() // how it ended is in cmd.ProcessState
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(binary), err)
	}
	return p, nil
}

// kill ends it as a power cut would.
func (p *process) kill() error { return p.end(syscall.SIGKILL) }

// stop asks it to end, and waits.
func (p *process) stop() error { return p.end(syscall.SIGTERM) }

func (p *process) end(how os.Signal) error {
	err := p.cmd.Process.Signal(how)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		<-p.ended
	}
	return err
}

func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
