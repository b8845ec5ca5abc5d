package app

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// TestSecondServerIsRefused starts a second server on the same SQLite file: it ends at once and
// names the first. Once that is gone, killed even, the file is free.
func TestSecondServerIsRefused(t *testing.T) {
	at := place{dataDir: t.TempDir()}
	first := spawn(t, at)
	var said bytes.Buffer
	second := exec.Command(os.Args[0])
	second.Env = append(os.Environ(), asServer+"="+theWorld.control, "PORT=0", "DATA_DIR="+at.dataDir)
	second.Stderr = &said
	var exit *exec.ExitError
	require.ErrorAs(t, second.Run(), &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Regexp(t, fmt.Sprintf(`^DATA_DIR: another server uses this database: .*whatsapp-api\.db is owned by process %d, since 2\S+Z, at %s; stop it, or set another DATA_DIR\n$`, first.pid, first.url), said.String())

	first.call("GET", "/readyz", nil, 200)
	first.kill()
	again := spawn(t, at)
	_, err := CreateAdmin(t.Context(), again.config(), true, "second@example.com", "Second", adminPassword, zap.NewNop())
	require.NoError(t, err, "a command runs beside the server")
	again.stop()
	spawn(t, at).call("GET", "/readyz", nil, 200)
}
