package api

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
)

// unmarshal reads JSON. A whole number may also be written as 30.0 or 3e1, which to JSON Schema,
// and so to the document, is an integer like any other; encoding/json refuses that.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	plain := literals.ReplaceAllFunc(data, wholeNumber)
	if bytes.Equal(plain, data) {
		return err
	}
	return json.Unmarshal(plain, v)
}

// literals are the strings of a JSON text, so that nothing in them is taken for a number, and its
// numbers with a fraction or an exponent.
var literals = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?`)

// wholeNumber writes a number without fraction and exponent, if it is exact that way.
func wholeNumber(literal []byte) []byte {
	if literal[0] == '"' {
		return literal
	}
	n, err := strconv.ParseFloat(string(literal), 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > 1<<53 {
		return literal
	}
	return strconv.AppendInt(nil, int64(n), 10)
}
