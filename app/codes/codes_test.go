package codes

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRows: every row says all that a row should, in every language.
func TestRows(t *testing.T) {
	seen := map[Code]bool{}
	for _, r := range All() {
		require.Regexp(t, `^[a-z]+(_[a-z]+)*(_\*)?$`, string(r.Code))
		require.False(t, seen[r.Code], "%s has two rows", r.Code)
		seen[r.Code] = true
		require.NotEmpty(t, r.Where, r.Code)
		answered := r.In(Answer) || r.In(Sandbox)
		require.Equal(t, answered, len(r.Status) > 0, "%s: a status is for what is answered", r.Code)
		for _, s := range r.Status {
			require.True(t, s >= 400 && s < 600, r.Code)
		}
		for _, p := range r.Where {
			require.Contains(t, Places(), p)
		}
		for _, text := range []string{r.EN.Means, r.EN.Do, r.ES.Means, r.ES.Do} {
			require.Regexp(t, `(?s)^[\p{Lu}/].*\.$|^[a-zA-Z/]+ .*\.$|^[A-Z_]+ .*\.$`, text, r.Code)
			require.NotContains(t, text, "|", "%s: the pages are tables", r.Code)
		}
		found, ok := Of(r.Code)
		require.True(t, ok)
		require.Equal(t, r, found)
	}
	_, ok := Of("no_such_code")
	require.False(t, ok)
}

// source is all of a folder's Go files, in it and below, without tests.
func source(t *testing.T, dir, files string) string {
	t.Helper()
	var all strings.Builder
	matches := regexp.MustCompile(files)
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !matches.MatchString(path) {
			return err
		}
		raw, err := fs.ReadFile(os.DirFS(dir), path)
		all.Write(raw)
		return err
	}))
	return all.String()
}

// written finds what the groups of a pattern have caught, each once, sorted.
func written(text, pattern string) []string {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// listed is the codes of a place, sorted.
func listed(p Place) (names []string) {
	for _, r := range All() {
		if r.In(p) {
			names = append(names, string(r.Code))
		}
	}
	slices.Sort(names)
	return names
}

// TestCodesOfSessionsAndMessages: the reasons and failures that package whatsapp has, and no others.
func TestCodesOfSessionsAndMessages(t *testing.T) {
	text := source(t, "../../whatsapp", `^[^/]+\.go$`)
	reasons := written(text, `\bReason[A-Z]\w*\s+= "(\w+)"`)
	for i, r := range reasons {
		if strings.HasSuffix(r, "_") {
			reasons[i] += "*"
		}
	}
	require.Equal(t, reasons, listed(Session))
	require.Equal(t, written(text, `\bFailure[A-Z]\w*\s+= "(\w+)"`), listed(Message))
	require.Empty(t, written(text, `(?:final|become|becomeCode)\(\w+, ("\w+)`), "a reason is a constant")
	require.Empty(t, written(text, `Failure\{Code: ("\w+)`), "a failure is a constant")
}

// TestCodesOfTheSandbox: what the control routes answer with, and nothing else.
func TestCodesOfTheSandbox(t *testing.T) {
	text := source(t, "../../whatsapp/sandbox", `^control\w*\.go$`)
	require.Equal(t, written(text, `http\.Status\w+, "([a-z_]+)"`), listed(Sandbox))
}

// TestCodesOfTheAPI: every code that is declared here is used by the API, which names them by their constants
// alone, and every one that it uses has a row.
func TestCodesOfTheAPI(t *testing.T) {
	var declared []string
	for _, m := range regexp.MustCompile(`(?m)^\t([A-Z]\w+)\s+Code = "(\w+)"`).FindAllStringSubmatch(source(t, ".", `^\w+\.go$`), -1) {
		declared = append(declared, m[1])
		row, ok := Of(Code(m[2]))
		require.True(t, ok, "%s has no row", m[1])
		require.True(t, row.In(Answer) || row.In(Stream), m[1])
	}
	slices.Sort(declared)
	text := source(t, "../api", `\.go$`)
	used := written(text, `\bcodes\.([A-Z]\w*)`)
	used = slices.DeleteFunc(used, func(name string) bool { return name == "Code" || name == "Of" })
	require.Equal(t, declared, used)
	for _, pattern := range []string{`NewProblem\(("\w*")`, `\b[cC]ode:\s*("\w+")`, `AlsoFails\(("\w+)`} {
		require.Empty(t, written(text, pattern), "a code is a constant")
	}
}
