package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// stopTime is how long a stop may take: SHUTDOWN_GRACE, and something for a busy machine.
const stopTime = 40 * time.Second

// stopServer asks the server to end in the middle of the traffic, and starts it again.
func (d *driver) stopServer(ctx context.Context) error {
	progress("SIGTERM to the server")
	began := time.Now()
	if err := d.gateway.p.stop(); err != nil {
		return err
	}
	if took := time.Since(began); took > stopTime {
		d.ledger.violation("the server took %s to stop", took.Round(time.Second))
	}
	if how := d.gateway.p.cmd.ProcessState; !how.Success() {
		d.ledger.violation("the server was asked to stop, and ended with %s", how)
	}
	return d.gateway.start(ctx)
}

// secondServer starts a server beside the one that has the file: it is refused, and the first goes on.
func (d *driver) secondServer(ctx context.Context) error {
	progress("a second server on the same file")
	log := filepath.Join(d.gateway.dir, "second.log")
	if err := os.RemoveAll(log); err != nil {
		return err
	}
	settings := append(slices.Clone(d.gateway.settings), "PORT=0", "METRICS_LISTEN=")
	second, err := launch(log, d.gateway.dir, d.gateway.binary, []string{"serve", "--sandbox-at", d.gateway.world}, settings)
	if err != nil {
		return err
	}
	select {
	case <-second.ended:
	case <-time.After(patience):
		d.ledger.violation("a second server runs on the same file")
		return second.kill()
	}
	said, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	if second.cmd.ProcessState.ExitCode() != 1 || !bytes.Contains(said, []byte("another server uses this database")) {
		d.ledger.violation("a second server on the same file ended with %s and said %s", second.cmd.ProcessState, said)
	}
	if status, err := d.gateway.ready(ctx); err != nil || status != http.StatusOK {
		d.ledger.violation("beside a second server /readyz said %d (%v)", status, err)
	}
	return nil
}
