package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Types of Engine.IO packets, the first byte of each.
const (
	engineOpen    byte = '0'
	engineClose   byte = '1'
	enginePing    byte = '2'
	enginePong    byte = '3'
	engineMessage byte = '4'
	engineUpgrade byte = '5'
	engineNoop    byte = '6'
)

// Types of Socket.IO packets, the first byte of a message.
const (
	packetConnect      byte = '0'
	packetDisconnect   byte = '1'
	packetEvent        byte = '2'
	packetAck          byte = '3'
	packetConnectError byte = '4'
)

// separator stands between the packets of a payload, in long-polling.
const separator byte = 0x1e

// probe follows a ping and a pong that try a transport out.
const probe = "probe"

var errMalformed = errors.New("malformed packet")

// packet is a packet of Socket.IO that came from the client.
type packet struct {
	kind      byte
	namespace string // "/" is the main one
	id        string // digits; empty: no acknowledgement is asked for
	data      json.RawMessage
}

// parse reads a message. Binary packets are malformed here: nobody sends them to this server.
func parse(raw []byte) (p packet, err error) {
	if len(raw) == 0 || raw[0] < packetConnect || raw[0] > packetConnectError {
		return p, errMalformed
	}
	p.kind, p.namespace, raw = raw[0], "/", raw[1:]
	if len(raw) > 0 && raw[0] == '/' {
		name, rest, _ := bytes.Cut(raw, []byte{','})
		name, _, _ = bytes.Cut(name, []byte{'?'})
		p.namespace, raw = string(name), rest
	}
	digits := 0
	for digits < len(raw) && raw[digits] >= '0' && raw[digits] <= '9' {
		digits++
	}
	p.id, raw = string(raw[:digits]), raw[digits:]
	if len(p.id) > 0 {
		if _, err := strconv.ParseUint(p.id, 10, 53); err != nil { // a number of JavaScript
			return p, errMalformed
		}
	}
	if len(raw) > 0 {
		if !json.Valid(raw) {
			return p, errMalformed
		}
		p.data = raw
	}
	return p, nil
}

// arguments reads the array of an event: its name, and what it carries.
func (p packet) arguments() (name string, args []json.RawMessage, err error) {
	var all []json.RawMessage
	if json.Unmarshal(p.data, &all) != nil || len(all) == 0 || json.Unmarshal(all[0], &name) != nil {
		return "", nil, errMalformed
	}
	return name, all[1:], nil
}

// Event is an event of the main namespace as Send takes it: many clients can be sent the same one.
// It fails when an argument has no JSON.
func Event(name string, args ...any) ([]byte, error) {
	raw, err := json.Marshal(append([]any{name}, args...))
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", name, err)
	}
	return append([]byte{engineMessage, packetEvent}, raw...), nil
}

// message is a packet of another kind.
func message(kind byte, prefix string, data any) []byte {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("socketio: %v", err)) // of what callers promise to be plain
	}
	return append(append([]byte{engineMessage, kind}, prefix...), raw...)
}
