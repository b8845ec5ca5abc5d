package ratchet

import (
	"bytes"
	"encoding/json"
)

// record is the JSON that libsignal writes for the sessions with one device
// (state/record.SessionStructure).
type record struct {
	SessionState   json.RawMessage
	PreviousStates []json.RawMessage
}

// Mend returns after, the record of sessions as libsignal wrote it when it had decrypted a
// message, with all sessions but the current one as they are in before, the record it had read:
// a decryption changes only the session that it succeeds with, and makes it the current one. A
// copy of that among the previous ones, which libsignal leaves behind, goes. A record that is not
// understood comes back as it is.
func Mend(before, after []byte) []byte {
	if !bytes.Contains(after, []byte(`"PreviousStates":[{`)) { // as with nearly everybody
		return after
	}
	var was, is record
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(after, &is) != nil {
		return after
	}
	current := baseKey(is.SessionState)
	original := map[string]json.RawMessage{}
	for _, session := range append(was.PreviousStates, was.SessionState) {
		original[baseKey(session)] = session
	}
	previous := make([]json.RawMessage, 0, len(is.PreviousStates))
	for _, session := range is.PreviousStates {
		key := baseKey(session)
		if key == "" {
			return after
		}
		if key == current {
			continue
		}
		if o, ok := original[key]; ok {
			session = o
		}
		previous = append(previous, session)
	}
	is.PreviousStates = previous
	mended, err := json.Marshal(is)
	if err != nil {
		return after
	}
	return mended
}

// baseKey is what a session is known by; empty for none.
func baseKey(session json.RawMessage) string {
	var s struct{ SenderBaseKey string }
	if json.Unmarshal(session, &s) != nil {
		return ""
	}
	return s.SenderBaseKey
}
