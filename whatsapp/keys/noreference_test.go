//go:build !reference

package keys_test

import (
	"testing"

	wastore "go.mau.fi/whatsmeow/store"
)

// haveReference is true with -tags reference: whatsmeow's own store then runs the same
// cases. It needs two modules more than the program does.
const haveReference = false

func reference(testing.TB) *wastore.Device { panic("built without the reference") }
