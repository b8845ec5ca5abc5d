package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// comparison says how a side is set against the first.
type comparison int

const (
	ratio      comparison = iota // of the medians
	difference                   // of the medians
)

// table collects what was measured, in the order in which it came first.
type table struct{ rows []*row }

type row struct {
	what, side string
	values     []float64
	how        comparison
}

func (t *table) add(what, side string, value float64, how comparison) {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.what == what && r.side == side })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &row{what: what, side: side, how: how})
	}
	t.rows[i].values = append(t.rows[i].values, value)
}

// print writes the table as Markdown. The first side of each measurement is what the
// others are compared with.
func (t *table) print(out io.Writer) error {
	var b strings.Builder
	b.WriteString("| | | minimum | median | maximum | against bare |\n|---|---|--:|--:|--:|--:|\n")
	printed := map[string]bool{}
	for _, first := range t.rows {
		if printed[first.what] {
			continue
		}
		printed[first.what] = true
		base := t.base(first.what)
		for _, r := range t.rows {
			if r.what != first.what {
				continue
			}
			slices.Sort(r.values)
			against := ""
			switch {
			case r.side == base.side || base.side == "":
			case r.how == ratio:
				against = fmt.Sprintf("× %.2f", r.median()/base.median())
			default:
				against = fmt.Sprintf("%+.1f ms", r.median()-base.median())
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.side,
				r.show(r.values[0]), r.show(r.median()), r.show(r.values[len(r.values)-1]), against)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (t *table) base(what string) *row {
	for _, r := range t.rows {
		if r.what == what && strings.HasPrefix(r.side, "bare") {
			return r
		}
	}
	return &row{values: []float64{1}}
}

func (r *row) median() float64 {
	v := slices.Sorted(slices.Values(r.values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func (r *row) show(v float64) string {
	if r.how == ratio {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
