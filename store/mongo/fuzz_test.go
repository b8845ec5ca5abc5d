package mongo

import (
	"testing"

	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/store/storetest"
)

func FuzzLists(f *testing.F) { storetest.FuzzLists(f, openAt(f, mongotest.Lone(f))) }

func FuzzIdempotencyKeys(f *testing.F) {
	storetest.FuzzIdempotencyKeys(f, openAt(f, mongotest.Lone(f)))
}
