package sandbox

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// kept is a key with its value, as they are on disk.
type kept struct {
	key   string
	value []byte
}

// keptUnder reads all that begins with a prefix, in order of the keys.
func keptUnder(tx *sql.Tx, prefix string) (list []kept, err error) {
	rows, err := tx.Query(`SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k`, prefix, prefix+"\x7f")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", prefix, err)
	}
	defer rows.Close()
	for rows.Next() {
		var k kept
		if err := rows.Scan(&k.key, &k.value); err != nil {
			return nil, fmt.Errorf("read %s: %w", prefix, err)
		}
		list = append(list, k)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", prefix, err)
	}
	return list, nil
}

// chatsOfSent makes version 2: what phones have sent names its chat in one field, of whatever kind
// the chat is, and has a number. In which order it was sent was not kept.
func chatsOfSent(tx *sql.Tx) error {
	list, err := keptUnder(tx, "sent/")
	if err != nil {
		return err
	}
	numbers := map[string]int{} // by phone
	for _, k := range list {
		var old struct {
			To      string `json:"to"`
			Group   string `json:"group"`
			PN      bool   `json:"pn"`
			Type    string `json:"type"`
			Edit    string `json:"edit"`
			Payload []byte `json:"payload"`
		}
		if err := json.Unmarshal(k.value, &old); err != nil {
			return fmt.Errorf("read %s: %w", k.key, err)
		}
		phone, _, _ := strings.Cut(strings.TrimPrefix(k.key, "sent/"), "/")
		numbers[phone]++
		m := sentMessage{N: numbers[phone], PN: old.PN, Type: old.Type, Edit: old.Edit, Payload: old.Payload}
		m.Chat = types.NewJID(old.To, types.HiddenUserServer).String()
		if old.Group != "" {
			m.Chat = types.NewJID(old.Group, types.GroupServer).String()
		}
		raw, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("encode %s: %w", k.key, err)
		}
		if _, err := tx.Exec(`UPDATE kv SET v = ? WHERE k = ?`, raw, k.key); err != nil {
			return fmt.Errorf("write %s: %w", k.key, err)
		}
	}
	return nil
}
