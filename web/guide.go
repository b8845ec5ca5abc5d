package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"golang.org/x/text/language"
)

// languages of the guide, the one that is shown to who asks for none first.
var languages = []string{"en", "es"}

// chapters are the pages of the guide, in the order in which they are read. Each is docs/LANGUAGE/NAME.md.
var chapters = []string{"start", "deploy", "settings", "messages", "events", "clients", "errors", "operations", "sandbox", "speed", "proof", "building"}

// guide turns the pages, which are Markdown so that they can be read in the repository too, into HTML once.
type guide struct {
	markdown goldmark.Markdown
	page     *template.Template
	once     sync.Once
	pages    map[string][]byte // by path below /docs
	err      error
}

func newGuide() *guide {
	return &guide{
		markdown: goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID())),
		page:     template.Must(template.ParseFS(pages, "docs/page.html")),
	}
}

// link is a page in the list beside another.
type link struct {
	Path, Title string
	Here        bool
}

// find returns the page at a path below /docs; nil when there is none. A page may be named with .md,
// as pages name each other.
func (g *guide) find(at string) ([]byte, error) {
	g.once.Do(g.render)
	return g.pages[strings.TrimSuffix(at, ".md")], g.err
}

func (g *guide) render() {
	g.pages = map[string][]byte{}
	for _, tongue := range languages {
		texts := map[string][]byte{}
		var list []link
		for _, name := range chapters {
			text, err := pages.ReadFile(path.Join("docs", tongue, name+".md"))
			if err != nil {
				g.err = fmt.Errorf("guide: %w", err)
				return
			}
			texts[name] = text
			list = append(list, link{Path: "/docs/" + tongue + "/" + name, Title: titleOf(text)})
		}
		for i, name := range chapters {
			html, err := g.one(tongue, name, texts[name], list, i)
			if err != nil {
				g.err = fmt.Errorf("guide: %s/%s: %w", tongue, name, err)
				return
			}
			g.pages[tongue+"/"+name] = html
		}
		g.pages[tongue] = g.pages[tongue+"/"+chapters[0]]
	}
}

func (g *guide) one(tongue, name string, text []byte, list []link, here int) ([]byte, error) {
	var body, out bytes.Buffer
	if err := g.markdown.Convert(text, &body); err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	list[here].Here = true
	var others []link
	for _, other := range languages {
		if other != tongue {
			others = append(others, link{Path: "/docs/" + other + "/" + name, Title: other})
		}
	}
	err := g.page.Execute(&out, map[string]any{
		"Language": tongue, "Title": list[here].Title, "Pages": list, "Others": others,
		"Body": template.HTML(body.String()), //nolint:gosec // of our own text, in which goldmark leaves no HTML
	})
	return out.Bytes(), err
}

var heading = regexp.MustCompile(`(?m)^# (.+)$`)

// titleOf is the first heading of a page.
func titleOf(text []byte) string {
	if m := heading.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.Spanish}) // in the order of languages

// preferred is the language that a reader likes best, of those that there are.
func preferred(r *http.Request) string {
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return languages[i]
}
