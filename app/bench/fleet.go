package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// runFleet measures what many sessions cost that do nothing: how long a start takes until it
// listens and until all are back, without stagger, and how much memory each further one
// holds. Every start is a process of its own. Linking is slow, so it is done once.
func runFleet(ctx context.Context, o options, w *world, dir string, t *table) (err error) {
	if !o.has("fleet") {
		return nil
	}
	few, many := choose(o, 20, 100), choose(o, 60, 500)
	all := []fleet{{Name: bareName(), At: storeAt{Dir: filepath.Join(dir, "fleet-bare")}}}
	for _, name := range o.stores {
		at, end, err := openPlace(dir, name, "fleet")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
		if err := createAdmin(ctx, at); err != nil {
			return err
		}
		all = append(all, fleet{Name: "whatsapp-api on " + name, At: at})
	}
	resident := map[string][]float64{} // with few sessions, KB
	for _, n := range []int{few, many} {
		for i := range all {
			progress("linking up to %d sessions: %s", n, all[i].Name)
			if _, err := all[i].start(ctx, w, n); err != nil {
				return fmt.Errorf("%s: %w", all[i].Name, err)
			}
		}
		for round := range o.rounds {
			for i := range all {
				f := &all[(i+round)%len(all)]
				progress("round %d of %d: start with %d sessions, %s", round+1, o.rounds, n, f.Name)
				r, err := f.start(ctx, w, n)
				if err != nil {
					return fmt.Errorf("%s: %w", f.Name, err)
				}
				if f.At.Store != "" {
					t.add(fmt.Sprintf("start to listening, %d sessions, ms", n), f.Name, r.Listening, difference)
				}
				if n == few {
					resident[f.Name] = append(resident[f.Name], r.Resident)
					continue
				}
				t.add(fmt.Sprintf("%d sessions back, ms", n), f.Name, r.Back, ratio)
				t.add(fmt.Sprintf("memory of a further idle session (%d to %d), KB", few, many), f.Name, (r.Resident-resident[f.Name][round])/float64(many-few), ratio)
			}
		}
	}
	return nil
}

// fleet is one side, as its processes are told of it.
type fleet struct {
	Name   string
	At     storeAt
	World  worldAt
	First  int64 // number of phones so far
	Linked int
	Want   int
}

// started is what a process found.
type started struct {
	Listening, Back float64 // milliseconds
	Resident        float64 // KB, of the process with all sessions idle
}

// start runs a process that brings back what is linked and links what lacks.
func (f *fleet) start(ctx context.Context, w *world, want int) (r started, err error) {
	f.World, f.First, f.Want = w.worldAt, w.numbers.Add(int64(want)), want
	c, err := startChild(ctx, "fleet", f)
	if err != nil {
		return r, err
	}
	if err := c.hear(&r); err != nil {
		return r, err
	}
	f.Linked = want
	return r, c.close()
}

func serveFleet(ctx context.Context, raw []byte) error {
	var f fleet
	if err := json.Unmarshal(raw, &f); err != nil {
		return err
	}
	w := joinWorld(f.World)
	w.numbers.Store(f.First)
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	open := f.gateway
	if f.At.Store == "" {
		open = f.bare
	}
	r, end, err := open(ctx, w)
	if err == nil {
		time.Sleep(2 * time.Second) // what a login leaves to be done is done
		r.Resident, err = resident()
	}
	if err == nil {
		err = tell(r)
	}
	return errors.Join(err, end())
}

func (f *fleet) bare(ctx context.Context, w *world) (r started, end func() error, err error) {
	began := time.Now()
	b, err := openBare(ctx, w, f.At.Dir)
	if err != nil {
		return r, func() error { return nil }, err
	}
	if err := b.connectAll(ctx); err != nil {
		return r, b.close, err
	}
	r.Back = ms(time.Since(began))
	return r, b.close, b.linkMore(ctx, w, f.Want)
}

func (f *fleet) gateway(ctx context.Context, w *world) (r started, end func() error, err error) {
	began := time.Now()
	g, err := openGateway(ctx, w, f.At)
	if err != nil {
		return r, func() error { return nil }, err
	}
	r.Listening = ms(g.listening)
	if err := g.connected(ctx, f.Linked); err != nil {
		return r, g.close, err
	}
	r.Back = ms(time.Since(began))
	g.numbers = make([]string, f.Linked)
	return r, g.close, g.linkMore(ctx, w, f.Want)
}

// connected waits until so many sessions are.
func (g *gateway) connected(ctx context.Context, n int) error {
	want := fmt.Sprintf("whatsapp_api_sessions{state=\"connected\"} %d\n", n)
	for {
		text, err := g.calls.text(ctx, "/metrics")
		if err != nil || strings.Contains(text, want) {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d sessions: %w", n, ctx.Err())
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// resident is how much memory this process holds, in KB, once what is free was given back.
func resident() (float64, error) {
	runtime.GC()
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseFloat(strings.Fields(value)[0], 64)
		}
	}
	return 0, errors.New("the system does not say how much memory a process holds")
}
