package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

func (c *control) getFaults(*http.Request) (int, any, error) {
	return http.StatusOK, list[Fault]{Data: c.Faults()}, nil
}

// postFaults takes one fault or a list of them.
func (c *control) postFaults(r *http.Request) (int, any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, err
	}
	faults, err := decodeFaults(body)
	if err != nil {
		return 0, nil, err
	}
	return done(c.AddFaults(faults...))
}

func decodeFaults(body []byte) ([]Fault, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var faults []Fault
	var err error
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		err = d.Decode(&faults)
	} else {
		faults = make([]Fault, 1)
		err = d.Decode(&faults[0])
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadBody, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: there is something after the JSON", errBadBody)
	}
	return faults, nil
}

func (c *control) deleteFaults(*http.Request) (int, any, error) {
	c.ClearFaults()
	return done(nil)
}
