// Package servertest runs the servers of other programs that tests need: they are killed, halted and
// started again, and on Linux they die with the test binary, whatever happens to it.
package servertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// StartTimeout bounds how long a server may take until it answers.
const StartTimeout = 30 * time.Second

// Process is a server that runs.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
}

// FreePort is a port of the loopback address that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Start starts cmd and returns when it takes connections on a port. lastWords tells what it has logged,
// for the error of one that does not.
func Start(cmd *exec.Cmd, port int, lastWords func() string) (*Process, error) {
	dieWithParent(cmd)
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		// On Linux a child is killed when the thread that started it ends, so that
		// thread waits here for as long as the child lives.
		runtime.LockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed in the end, which is an error for Wait
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd, ended}
	if err := p.answering(port); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w; %s", cmd.Path, err, lastWords()), p.Kill())
	}
	return p, nil
}

// Kill ends the server as a power cut would: nothing is written any more.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return err
}

// Pause stops the server as one that hangs: connections stay, answers do not come.
func (p *Process) Pause() error { return pause(p.cmd.Process) }

// Resume lets a paused server go on.
func (p *Process) Resume() error { return resume(p.cmd.Process) }

// answering waits until the server takes connections.
func (p *Process) answering(port int) error {
	limit := time.NewTimer(StartTimeout)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return errors.New("it ended at once")
		case <-limit.C:
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}
