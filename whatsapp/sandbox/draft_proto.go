package sandbox

import (
	"encoding/json"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protojson"
)

// protoDraft is any Message of WhatsApp's protocol, in the JSON of protobuf, and sent as it is.
type protoDraft json.RawMessage

func (d protoDraft) check() error {
	_, err := d.write(nil, chat{}, 1)
	return err
}

func (d protoDraft) write(*Phone, chat, int) (*waE2E.Message, error) {
	var m waE2E.Message
	if err := protojson.Unmarshal(d, &m); err != nil {
		return nil, fmt.Errorf("%w: proto is not a Message as JSON: %w", ErrInvalid, err)
	}
	return &m, nil
}
