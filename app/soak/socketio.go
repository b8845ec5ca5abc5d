package main

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"

	"whatsapp-api/whatsapp/sandbox/nodetest"
)

// The client's script, with the packages it stands on.
//
//go:embed socketio
var socketIO embed.FS

// findSocketIO makes the client's script ready; nodetest.ErrMissing.
func findSocketIO(ctx context.Context) (script string, err error) {
	files, err := fs.Sub(socketIO, "socketio")
	if err != nil {
		return "", err
	}
	return nodetest.Script(ctx, "socketio", files)
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
