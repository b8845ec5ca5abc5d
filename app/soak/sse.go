package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// sseClient follows all events over Server-Sent Events, as a browser's EventSource does.
type sseClient struct {
	*place
	calls *caller
	web   *http.Client // without a time limit

	lastID string
}

func (c *sseClient) once(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.calls.base+"/api/v1/events?after=0", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.calls.token)
	if c.lastID != "" {
		req.Header.Set("Last-Event-ID", c.lastID)
	}
	res, err := c.web.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		return fmt.Errorf("answered %s", res.Status)
	default:
		return fmt.Errorf("%w: answered %s", errBad, res.Status)
	}
	id, data := c.lastID, ""
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			c.lastID = id
			if data == "" {
				continue
			}
			var e envelope
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return fmt.Errorf("%w: %w", errBad, err)
			}
			if err := c.take(e); err != nil {
				return fmt.Errorf("%w: %w", errBad, err)
			}
			data = ""
		case field == "id":
			id = value
		case field == "data":
			data += value
		}
	}
	return lines.Err()
}
