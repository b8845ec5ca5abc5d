package api

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/app/codes"
)

// TestEveryErrorHasARow finds the exported errors of the layers below and looks for their
// rows in the table.
func TestEveryErrorHasARow(t *testing.T) {
	table, err := os.ReadFile("errors.go")
	require.NoError(t, err)
	declared := regexp.MustCompile(`(?m)^\s+(Err[A-Z]\w*)\s+= errors\.New|^var (Err[A-Z]\w*)\s+= errors\.New`)
	for name, dir := range map[string]string{
		"store": "../../store", "whatsapp": "../../whatsapp", "convert": "../../whatsapp/convert",
		"service": "../service", "account": "../service/account", "chat": "../service/chat", "deliver": "../service/deliver", "link": "../service/link",
	} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		found := 0
		for _, file := range files {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range declared.FindAllStringSubmatch(string(raw), -1) {
				found++
				require.Contains(t, string(table), "{"+name+"."+m[1]+m[2]+",", "%s has no row in errors.go", m[1]+m[2])
			}
		}
		require.NotZero(t, found, name)
	}
	seen := map[string]bool{}
	for _, f := range faults {
		require.False(t, seen[f.err.Error()], "two rows for %v", f.err)
		seen[f.err.Error()] = true
		row, ok := codes.Of(f.code)
		require.True(t, ok, f.code)
		require.True(t, row.In(codes.Answer), f.code)
	}
}
