package web

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// get asks for a page.
func get(t *testing.T, at, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	r.Header.Set("Accept-Language", accept)
	w := httptest.NewRecorder()
	Docs().ServeHTTP(w, r)
	return w
}

// TestGuide reads every page in every language, follows all links, and looks for pages that nobody reads.
func TestGuide(t *testing.T) {
	links := regexp.MustCompile(`href="([^"]+)"`)
	for _, language := range languages {
		for _, name := range chapters {
			at := "/docs/" + language + "/" + name
			w := get(t, at, "")
			require.Equal(t, http.StatusOK, w.Code, at)
			page := w.Body.String()
			require.Contains(t, page, `<html lang="`+language+`">`)
			require.Contains(t, page, "<h1", at)
			require.NotContains(t, page, "raw HTML omitted", at)
			require.Contains(t, page, `aria-current="page"`)
			for _, m := range links.FindAllStringSubmatch(page, -1) {
				to, _, _ := strings.Cut(m[1], "#")
				if to == "" || strings.Contains(to, "://") {
					continue
				}
				if !strings.HasPrefix(to, "/") {
					to = path.Join("/docs", language, to)
				}
				if strings.HasPrefix(to, "/docs") {
					require.Equal(t, http.StatusOK, get(t, to, "").Code, "%s, named in %s", to, at)
				}
			}
		}
		files, err := fs.Glob(pages, "docs/"+language+"/*.md")
		require.NoError(t, err)
		require.Len(t, files, len(chapters), "each page is a chapter, in "+language)
	}
	require.Equal(t, http.StatusNotFound, get(t, "/docs/en/nothing", "").Code)
	require.Equal(t, http.StatusNotFound, get(t, "/docs/en/../start", "").Code)
}

// TestGuideInTheReadersLanguage sends a reader to the language that they like best of those there are.
func TestGuideInTheReadersLanguage(t *testing.T) {
	for accept, language := range map[string]string{"": "en", "es": "es", "es-MX,en;q=0.5": "es", "en;q=0.3,es": "es", "de,ES;q=0.3": "es", "fr, en-GB": "en", "xx;;,,": "en"} {
		w := get(t, "/docs/guide", accept)
		require.Equal(t, http.StatusFound, w.Code)
		require.Equal(t, "/docs/"+language+"/"+chapters[0], w.Header().Get("Location"), accept)
	}
}

// TestErrorCodesForPrograms: a front end takes its texts from here.
func TestErrorCodesForPrograms(t *testing.T) {
	w := get(t, "/docs/errors.json", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	var rows []struct {
		Code   string
		EN, ES struct{ Means, Do string }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &rows))
	require.NotEmpty(t, rows)
	for _, r := range rows {
		for _, text := range []string{r.Code, r.EN.Means, r.EN.Do, r.ES.Means, r.ES.Do} {
			require.NotEmpty(t, text, r.Code)
		}
	}
}
