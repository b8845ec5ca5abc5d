package configs

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzYAML feeds files of settings: they are taken or refused with a word, and what is taken is valid.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{"port: 3000", "port: x", "nothing: 1", "a: &a [*a]", "rateLimit: -1", "\x00", "tokenTTL: 24h\nport: 1", "- 1", "frontendURL: [1, {}]", "host: |\n  a\n  b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		checked(t, Sources{File: path, Env: func(string) (string, bool) { return "", false }})
	})
}

// FuzzEnvironment feeds every setting a value of its own.
func FuzzEnvironment(f *testing.F) {
	for _, seed := range []string{"1", "0", "-1", "24h", "true", "a,b", "http://127.0.0.1", "10.0.0.0/8", "99999999999999999999", "\x00", " ", "mongodb://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range Names() {
			checked(t, Sources{Env: func(n string) (string, bool) { return value, n == name }})
		}
	})
}

func checked(t *testing.T, from Sources) {
	c, _, err := Load(from)
	if err != nil {
		if err.Error() == "" {
			t.Fatal("refused without a word")
		}
		return
	}
	if c.Port < 0 || c.Port > 65535 || c.RateLimit < 0 || c.TokenTTL <= 0 {
		t.Fatalf("taken: %+v", c)
	}
}
