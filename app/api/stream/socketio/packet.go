package socketio

import (
	"encoding/json"
	"fmt"
)

// Packet is an event of Socket.IO's main namespace, for Conn.Send: type 2, then the array.
func Packet(event string, args ...any) ([]byte, error) {
	raw, err := json.Marshal(append([]any{event}, args...))
	if err != nil {
		return nil, fmt.Errorf("encode packet: %w", err)
	}
	return append([]byte("2"), raw...), nil
}
