package storetest

import (
	"bytes"
	"fmt"
	"slices"

	"whatsapp-api/store"
)

func (k *kit) putKeys(session string, changes ...store.KeyChange) {
	k.Helper()
	k.commit(store.Unit{Session: session, Keys: changes})
}

func (k *kit) keys(session, table, prefix, after string, limit int) []string {
	k.Helper()
	list, err := k.st.Devices().List(k.ctx, session, table, prefix, after, limit)
	k.NoError(err)
	got := []string{}
	for _, kv := range list {
		got = append(got, kv.Key)
	}
	return got
}

var deviceCases = []testCase{
	{"missing", func(k *kit) {
		for _, session := range []string{"none", k.session("s")} {
			got, err := k.st.Devices().Get(k.ctx, session, "t", []string{"a", "b"})
			k.NoError(err)
			k.Empty(got)
			k.Empty(k.keys(session, "t", "", "", 10))
		}
		got, err := k.st.Devices().Get(k.ctx, "s", "t", nil)
		k.NoError(err)
		k.Empty(got)
	}},
	{"set, get, delete", func(k *kit) {
		k.session("s")
		k.session("other")
		k.putKeys("other", store.KeyChange{Table: "t", Key: "a", Value: []byte("other")})
		k.putKeys("s",
			store.KeyChange{Table: "t", Key: "a", Value: []byte("1")}, store.KeyChange{Table: "u", Key: "a", Value: []byte("2")},
			store.KeyChange{Table: "t", Key: "empty", Value: []byte{}}, store.KeyChange{Table: "t", Key: "never"})
		got, err := k.st.Devices().Get(k.ctx, "s", "t", []string{"a", "empty", "never", "a"})
		k.NoError(err)
		k.Equal(map[string][]byte{"a": []byte("1"), "empty": {}}, got, "empty is a value")
		k.putKeys("s", store.KeyChange{Table: "t", Key: "a"})
		k.Equal([]string{"empty"}, k.keys("s", "t", "", "", 10))
		k.Equal([]string{"a"}, k.keys("s", "u", "", "", 10))
		k.Equal([]string{"a"}, k.keys("other", "t", "", "", 10))
	}},
	{"in order", func(k *kit) {
		k.session("s")
		k.putKeys("s",
			store.KeyChange{Table: "t", Key: "a", Value: []byte("1")}, store.KeyChange{Table: "t", Key: "a"},
			store.KeyChange{Table: "t", Key: "a", Value: []byte("2")}, store.KeyChange{Table: "t", Key: "b", Value: []byte("3")},
			store.KeyChange{Table: "t", Key: "b", Value: []byte("4")}, store.KeyChange{Table: "t", Key: "c", Value: []byte("5")},
			store.KeyChange{Table: "t", Key: "c"})
		got, err := k.st.Devices().Get(k.ctx, "s", "t", []string{"a", "b", "c"})
		k.NoError(err)
		k.Equal(map[string][]byte{"a": []byte("2"), "b": []byte("4")}, got)
		k.reopen()
		k.NoError(k.st.Log().Recover(k.ctx, "s"))
		got, err = k.st.Devices().Get(k.ctx, "s", "t", []string{"a", "b", "c"})
		k.NoError(err)
		k.Equal(map[string][]byte{"a": []byte("2"), "b": []byte("4")}, got)
	}},
	{"forget", func(k *kit) {
		k.session("s")
		k.session("other")
		k.putKeys("other", store.KeyChange{Table: "t", Key: "a", Value: []byte("other")})
		k.putKeys("s", store.KeyChange{Table: "t", Key: "a", Value: []byte("1")}, store.KeyChange{Table: "u", Key: "b", Value: []byte("2")})
		k.commit(store.Unit{Session: "s", ForgetKeys: true, Keys: []store.KeyChange{{Table: "t", Key: "n", Value: []byte("3")}}})
		k.Equal([]string{"n"}, k.keys("s", "t", "", "", 10))
		k.Empty(k.keys("s", "u", "", "", 10))
		k.Equal([]string{"a"}, k.keys("other", "t", "", "", 10))
		k.commit(store.Unit{Session: "s", ForgetKeys: true})
		k.Empty(k.keys("s", "t", "", "", 10))
	}},
	{"any bytes, in order of the bytes", func(k *kit) {
		k.session("s")
		var want []string
		for i := range 256 {
			want = append(want, string([]byte{byte(i)}))
		}
		want = append(want, "\x00\x00", "\x00\xff", "a\x00", "ab", "é", "\xff\x00", "\xff\xff", "\xff\xff\xff")
		var changes []store.KeyChange
		for _, key := range want {
			changes = append(changes, store.KeyChange{Table: "t", Key: key, Value: []byte("v" + key)})
		}
		slices.Reverse(changes)
		k.putKeys("s", changes...)
		slices.Sort(want)
		k.Equal(want, k.keys("s", "t", "", "", 1000))
		got, err := k.st.Devices().Get(k.ctx, "s", "t", want)
		k.NoError(err)
		k.Len(got, len(want))
		for key, value := range got {
			k.Equal("v"+key, string(value))
		}
		for _, prefix := range []string{"\xff", "\xff\xff", "\x00", "a", "\xc3", "zz"} {
			var some []string
			for _, key := range want {
				if bytes.HasPrefix([]byte(key), []byte(prefix)) {
					some = append(some, key)
				}
			}
			k.ElementsMatch(some, k.keys("s", "t", prefix, "", 1000), "prefix %q", prefix)
		}
	}},
	{"pages", func(k *kit) {
		k.session("s")
		for i := range 10 {
			k.putKeys("s", store.KeyChange{Table: "t", Key: fmt.Sprint("a", i), Value: []byte("v")},
				store.KeyChange{Table: "t", Key: fmt.Sprint("b", i), Value: []byte("v")},
				store.KeyChange{Table: "tt", Key: fmt.Sprint("a", i, "x"), Value: []byte("v")})
		}
		k.Equal([]string{"a0", "a1", "a2"}, k.keys("s", "t", "a", "", 3))
		k.Equal([]string{"a3", "a4", "a5"}, k.keys("s", "t", "a", "a2", 3))
		k.Equal([]string{"a9"}, k.keys("s", "t", "a", "a8", 3))
		k.Empty(k.keys("s", "t", "a", "a9", 3))
		k.Equal([]string{"b0"}, k.keys("s", "t", "", "a9", 1))
		k.Equal([]string{"b0", "b1"}, k.keys("s", "t", "b", "a", 2))
		k.Empty(k.keys("s", "t", "a", "b", 3))
		k.Empty(k.keys("s", "t", "", "", 0))
	}},
	{"the empty key", func(k *kit) {
		k.session("s")
		k.putKeys("s", store.KeyChange{Table: "", Key: "", Value: []byte("v")}, store.KeyChange{Table: "", Key: "x", Value: []byte("w")})
		got, err := k.st.Devices().Get(k.ctx, "s", "", []string{""})
		k.NoError(err)
		k.Equal(map[string][]byte{"": []byte("v")}, got)
		k.Equal([]string{"x"}, k.keys("s", "", "", "", 9), "it is not greater than the empty after")
	}},
	{"large", func(k *kit) {
		k.session("s")
		value := bytes.Repeat([]byte{0, 1, 2, 3}, 1<<18)
		k.putKeys("s", store.KeyChange{Table: "t", Key: "k", Value: value})
		got, err := k.st.Devices().Get(k.ctx, "s", "t", []string{"k"})
		k.NoError(err)
		k.True(bytes.Equal(value, got["k"]))
	}},
}
