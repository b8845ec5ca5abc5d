package mongo

import (
	"testing"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/store/storetest"
)

func BenchmarkCommit(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"lone": mongotest.Lone, "set": mongotest.ReplicaSet} {
		b.Run(name, func(b *testing.B) {
			storetest.BenchmarkCommit(b, func(t testing.TB) store.Store { return openAt(t, address(t)) })
		})
	}
}
