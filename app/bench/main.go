package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	quick  bool
	rounds int
	only   []string // of known
	stores []string // of stores
	dir    string   // where the data are kept meanwhile
	cpu    string   // file for a CPU profile
	block  string   // file for a block profile
}

// known is what can be measured: the first four on servers with some sessions each, whose
// sides take turns, the others on servers of their own.
var known = []string{"receive", "send", "stream", "webhooks", "fleet", "pages"}

func (o options) has(name string) bool { return slices.Contains(o.only, name) }

func main() {
	if role := os.Getenv(asChild); role != "" {
		exit(play(role))
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&o.quick, "quick", false, "few messages and two rounds: does it run, and roughly how fast")
	f.IntVar(&o.rounds, "rounds", 0, "how often each side has its turn (default 5, with -quick 2)")
	f.StringVar(&o.cpu, "cpuprofile", "", "write a CPU profile of the rounds to this file")
	f.StringVar(&o.block, "blockprofile", "", "write a profile of where goroutines waited to this file")
	f.StringVar(&o.dir, "dir", os.TempDir(), "where to keep data meanwhile: a real disk, or syncs mean nothing")
	only := f.String("only", strings.Join(known, ","), "what to measure")
	kept := f.String("store", strings.Join(stores, ","), "which stores to measure")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.rounds == 0 {
		o.rounds = 5
		if o.quick {
			o.rounds = 2
		}
	}
	o.only, o.stores = strings.Split(*only, ","), strings.Split(*kept, ",")
	for _, list := range []struct{ given, known []string }{{o.only, known}, {o.stores, stores}} {
		for _, one := range list.given {
			if !slices.Contains(list.known, one) {
				return o, fmt.Errorf("%q is none of %s", one, strings.Join(list.known, ", "))
			}
		}
	}
	return o, nil
}

// run measures in a folder of its own, which is gone afterwards.
func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "whatsapp-api-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := openWorld(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	t := table{}
	for _, part := range []func(context.Context, options, *world, string, *table) error{runSides, runFleet, runPages} {
		if err = part(ctx, o, w, dir, &t); err != nil {
			break
		}
	}
	return errors.Join(err, t.print(os.Stdout)) // what was measured before a failure too
}

// runSides measures what is measured on servers with some sessions each.
func runSides(ctx context.Context, o options, w *world, dir string, t *table) (err error) {
	todo := measures(o)
	if len(todo) == 0 {
		return nil
	}
	all, closeAll, err := openSides(ctx, o, w, dir)
	defer func() { err = errors.Join(err, closeAll()) }()
	if err != nil {
		return err
	}
	stop, err := profiles(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for round := range o.rounds {
		for _, m := range todo {
			for i := range all { // in another order every round
				s := all[(i+round)%len(all)]
				progress("round %d of %d: %s, %s", round+1, o.rounds, m.what(), s.name())
				if err := m.run(ctx, w, s, t); err != nil {
					return fmt.Errorf("%s, %s: %w", m.what(), s.name(), err)
				}
				runtime.GC() // none pays for what another has left
			}
		}
	}
	return nil
}

// side is one of those that are compared.
type side interface {
	name() string
	phones() []string // of its sessions, in order
	// expect returns a channel that is closed when so many further messages were seen.
	expect(messages int) <-chan struct{}
	// send sends a text from a session, counted from 0, and returns when WhatsApp's server has it.
	send(ctx context.Context, from int, to, text string) error
	close() error
}

// openSides starts what is compared, the bare clients first. What it returns closes them,
// also when it fails.
func openSides(ctx context.Context, o options, w *world, dir string) (all []side, closeAll func() error, err error) {
	var closing []func() error
	closeAll = func() error {
		var errs []error
		for _, c := range slices.Backward(closing) {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
	progress("linking the bare clients")
	b, err := openBare(ctx, w, filepath.Join(dir, "bare"))
	if err == nil {
		closing = append(closing, b.close)
		err = b.linkMore(ctx, w, sessions)
	}
	if err != nil {
		return nil, closeAll, fmt.Errorf("bare whatsmeow: %w", err)
	}
	all = append(all, b)
	for _, name := range o.stores {
		at, end, err := openPlace(dir, name, "sides")
		if err != nil {
			return nil, closeAll, err
		}
		closing = append(closing, end)
		progress("linking the sessions on %s", name)
		if err := createAdmin(ctx, at); err != nil {
			return nil, closeAll, err
		}
		g, err := openGateway(ctx, w, at)
		if err == nil {
			closing = append(closing, g.close)
			if err = g.linkMore(ctx, w, sessions); err == nil {
				err = g.listen(ctx)
			}
		}
		if err != nil {
			return nil, closeAll, fmt.Errorf("server on %s: %w", name, err)
		}
		all = append(all, g)
	}
	return all, closeAll, nil
}

// profiles starts the profiles that were asked for. What it returns writes them.
func profiles(o options) (stop func() error, err error) {
	var cpu *os.File
	if o.cpu != "" {
		if cpu, err = os.Create(o.cpu); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, errors.Join(err, cpu.Close())
		}
	}
	if o.block != "" {
		runtime.SetBlockProfileRate(int(10 * time.Microsecond))
	}
	return func() error {
		var errs []error
		if cpu != nil {
			pprof.StopCPUProfile()
			errs = append(errs, cpu.Close())
		}
		if o.block != "" {
			f, err := os.Create(o.block)
			if err == nil {
				err = errors.Join(pprof.Lookup("block").WriteTo(f, 0), f.Close())
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}, nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}
