package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	mode     string        // deliver, reconnect
	stores   []string      // sqlite, mongodb
	length   time.Duration // of each store
	seed     uint64
	phones   int     // contacts
	sessions int     // linked accounts
	rate     float64 // messages a second that come in
	sends    float64 // messages a second that go out
	dir      string
	keep     bool
	race     bool
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.StringVar(&o.mode, "mode", "deliver", "deliver: nothing is lost whatever breaks; reconnect: connections that are cut leave nothing behind")
	f.DurationVar(&o.length, "for", 2*time.Minute, "how long, for each store; every kind of fault is made at least once all the same")
	store := f.String("store", "", "sqlite, mongodb, replicaset or all (default all, in reconnect mode sqlite)")
	f.Uint64Var(&o.seed, "seed", 0, "of the faults and the load (default a new one, which is printed)")
	f.IntVar(&o.phones, "phones", 8, "contacts that write and are written to")
	f.IntVar(&o.sessions, "sessions", 0, "linked accounts (default 3, in reconnect mode 500)")
	f.Float64Var(&o.rate, "rate", 40, "messages a second that come in")
	f.Float64Var(&o.sends, "sends", 6, "messages a second that go out, at most")
	f.StringVar(&o.dir, "dir", os.TempDir(), "where to keep data meanwhile")
	f.BoolVar(&o.keep, "keep", false, "keep the logs; they are kept anyway when something is wrong")
	f.BoolVar(&o.race, "race", false, "build the server with the race detector")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	reconnect := o.mode == "reconnect"
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1
	}
	if o.sessions == 0 {
		o.sessions = 3
		if reconnect {
			o.sessions = 500
		}
	}
	switch o.stores = []string{*store}; {
	case *store == "all" || *store == "" && !reconnect:
		o.stores = databases
	case *store == "":
		o.stores = []string{sqlite}
	}
	return o, o.check()
}

func (o *options) check() error {
	for _, s := range o.stores {
		if !slices.Contains(databases, s) {
			return fmt.Errorf("-store %q is none of %s, all", s, strings.Join(databases, ", "))
		}
	}
	switch {
	case o.mode != "deliver" && o.mode != "reconnect":
		return fmt.Errorf("-mode %q is none of deliver, reconnect", o.mode)
	case o.length < 0 || o.phones < 1 || o.sessions < 1 || o.rate <= 0 || o.sends <= 0:
		return errors.New("-for, -phones, -sessions, -rate and -sends must be positive")
	}
	return nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}
