package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report is the tables at the end.
type report struct {
	rows []*row     // a row for each store, of the messages
	flat []flatness // of the reconnections
}

// row is what came of one store.
type row struct {
	store   string
	in, out int
	faults  map[string]int
	breaks  map[string]int // of streams, by place
	places  []string
	tallies map[string]tally
	wrong   []string
}

func newRow(s *soak) *row {
	r := &row{store: s.store, faults: s.faults, breaks: map[string]int{}, tallies: map[string]tally{}, wrong: s.ledger.wrong}
	r.in, r.out = s.ledger.totals()
	for _, p := range s.places {
		r.breaks[p.name] = p.gone
	}
	return r
}

func (r *report) add(one *row) { r.rows = append(r.rows, one) }

func (r *row) set(place string, t tally) {
	r.places = append(r.places, place)
	r.tallies[place] = t
}

// errDiffers says that the two ends do not have the same.
var errDiffers = errors.New("something was lost, doubled, out of order or otherwise wrong")

// verdict is nil when all is as it should be.
func (r *row) verdict() error {
	if len(r.wrong) > 0 {
		return errDiffers
	}
	for _, t := range r.tallies {
		if !t.clean() {
			return errDiffers
		}
	}
	return nil
}

// print writes the tables as Markdown, and every difference below.
func (r *report) print(out io.Writer) error {
	var b strings.Builder
	if len(r.rows) > 0 {
		r.messages(&b)
	}
	if len(r.flat) > 0 {
		r.reconnections(&b)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *report) reconnections(b *strings.Builder) {
	b.WriteString("\n| store | sessions | rounds | | after the warm-up | at the end | tolerated |\n|---|--:|--:|---|--:|--:|--:|\n")
	for _, f := range r.flat {
		for _, t := range tolerances {
			fmt.Fprintf(b, "| %s | %d | %d | %s | %.0f | %.0f | %.0f |\n", f.store, f.sessions, f.last.rounds, t.what, t.of(f.first), t.of(f.last), t.most(f.first))
		}
	}
}

func (r *report) messages(b *strings.Builder) {
	b.WriteString("\n| store | messages in | messages out | faults | other violations |\n|---|--:|--:|---|--:|\n")
	for _, one := range r.rows {
		var faults []string
		for _, kind := range slices.Sorted(maps.Keys(one.faults)) {
			faults = append(faults, fmt.Sprintf("%s × %d", kind, one.faults[kind]))
		}
		fmt.Fprintf(b, "| %s | %d | %d | %s | %d |\n", one.store, one.in, one.out, strings.Join(faults, ", "), len(one.wrong))
	}
	b.WriteString("\n| store | place | lost | doubled | out of order | altered | stream broken |\n|---|---|--:|--:|--:|--:|--:|\n")
	for _, one := range r.rows {
		for _, place := range one.places {
			t := one.tallies[place]
			fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %d | %s |\n", one.store, place, t.lost, t.doubled, t.disordered, t.altered, one.broken(place))
		}
	}
	for _, one := range r.rows {
		for _, text := range one.wrong {
			fmt.Fprintf(b, "\n%s: %s", one.store, text)
		}
		for _, place := range one.places {
			for _, text := range one.tallies[place].notes {
				fmt.Fprintf(b, "\n%s: %s", one.store, text)
			}
		}
	}
	b.WriteString("\n")
}

func (r *row) broken(place string) string {
	if n, is := r.breaks[place]; is && place != "webhook" {
		return fmt.Sprint(n)
	}
	return ""
}
