package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The client's script, with the packages it stands on.
//
//go:embed socketio
var socketIO embed.FS

// findSocketIO installs the packages of socket.io-client once per lock file, in the user's
// cache, and writes the script beside them. errNoNode: there is no Node.js.
func findSocketIO(ctx context.Context) (script string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: %w", errNoNode, err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	lock, err := socketIO.ReadFile("socketio/package-lock.json")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "whatsapp-api", "socketio-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := installSocketIO(ctx, dir); err != nil {
			return "", fmt.Errorf("install socket.io-client: %w", err)
		}
	}
	to, err := os.CreateTemp(dir, "soak-*.mjs")
	if err != nil {
		return "", err
	}
	raw, err := socketIO.ReadFile("socketio/client.mjs")
	if err == nil {
		_, err = to.Write(raw)
	}
	return to.Name(), errors.Join(err, to.Close())
}

var errNoNode = errors.New("node.js is missing")

// installSocketIO installs beside the place and then moves, so that a broken installation is
// never found.
func installSocketIO(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }() // moved, or of no use
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := socketIO.ReadFile("socketio/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(temp, name), raw, 0o600)
		}
		if err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = temp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return err
		}
	}
	return nil
}

// sioClient follows all events with the real socket.io-client, which reconnects by itself.
type sioClient struct {
	*place
	script   string
	calls    *caller
	sessions []string
}

// once runs the client; it ends with ctx only.
func (c *sioClient) once(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "node", c.script)
	cmd.Stderr = os.Stderr
	hello, err := json.Marshal(map[string]any{"url": c.calls.base, "token": c.calls.token, "after": c.after(c.sessions)})
	if err != nil {
		return err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: %w", errBad, err)
	}
	_, err = in.Write(append(hello, '\n'))
	if err == nil {
		err = c.listen(bufio.NewScanner(out))
	}
	_ = in.Close() // the script ends with its input
	if ended := cmd.Wait(); err == nil {
		err = fmt.Errorf("%w: the script ended: %w", errBad, ended)
	}
	return err
}

func (c *sioClient) listen(lines *bufio.Scanner) error {
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var line struct {
			What    string   `json:"what"`
			Code    string   `json:"code"`
			Message string   `json:"message"`
			Event   envelope `json:"event"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("%w: %w: %.200s", errBad, err, lines.Text())
		}
		switch line.What {
		case "event":
			if err := c.take(line.Event); err != nil {
				return fmt.Errorf("%w: %w", errBad, err)
			}
		case "refused":
			c.broke()
			if line.Code != "" && line.Code != storeAway && line.Code != "unavailable" && line.Code != "stopping" {
				return fmt.Errorf("%w: refused: %s %s", errBad, line.Code, line.Message)
			}
		}
	}
	return lines.Err()
}
