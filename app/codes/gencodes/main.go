// Command gencodes writes the pages of all error codes into a folder, which is that of the guide:
// go run ./app/codes/gencodes web/docs
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"whatsapp-api/app/codes"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gencodes FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(dir string) error {
	var list bytes.Buffer
	e := json.NewEncoder(&list)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(codes.All()); err != nil {
		return fmt.Errorf("encode codes: %w", err)
	}
	files := map[string]string{"errors.json": list.String()}
	for _, t := range tongues {
		files[filepath.Join(t.name, "errors.md")] = page(t)
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// tongue is a language of the guide with the words of the page around the table.
type tongue struct {
	name    string
	title   string
	about   string
	columns [4]string
	places  map[codes.Place][2]string // heading, and what is said below it
	of      func(codes.Row) codes.Text
}

// page is the chapter in one language: a table for each place, a code in each where it is met.
func page(t tongue) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", t.title, t.about)
	for _, place := range codes.Places() {
		answers := place == codes.Answer || place == codes.Sandbox
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", t.places[place][0], t.places[place][1])
		columns := t.columns[:]
		if !answers {
			columns = t.columns[1:]
		}
		b.WriteString("| " + strings.Join(columns, " | ") + " |\n" + strings.Repeat("|---", len(columns)) + "|\n")
		for _, r := range codes.All() {
			if !r.In(place) {
				continue
			}
			if answers {
				b.WriteString("| " + statuses(r) + " ")
			}
			text := t.of(r)
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Code, text.Means, text.Do)
		}
	}
	return b.String()
}

func statuses(r codes.Row) string {
	var all []string
	for _, s := range r.Status {
		all = append(all, strconv.Itoa(s))
	}
	return strings.Join(all, ", ")
}
