package app

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"whatsapp-api/configs"
	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/whatsapp/sandbox"
)

// asServer makes a child process of this test a server, so that it can be killed.
const asServer = "APP_TEST_SERVE_AT"

// childLease is short, so that a server that was killed is replaced soon. A test that wants another one
// sets leaseOfChild.
const (
	childLease   = 4 * time.Second
	leaseOfChild = "APP_TEST_LEASE"
)

// theWorld is the WhatsApp of all tests here: whatsmeow trusts one root per process. Tests
// keep apart by using phones of their own.
var theWorld struct {
	server  *sandbox.Server
	control string
}

func TestMain(m *testing.M) {
	if at := os.Getenv(asServer); at != "" {
		os.Exit(serveAsChild(at))
	}
	goleak.VerifyTestMain(mongotest.Main(worldly{m}))
}

// worldly runs the tests with a sandbox beside them.
type worldly struct{ m *testing.M }

func (w worldly) Run() int {
	// huma has one form of errors for the process, which the first API sets: before anything reads it.
	if _, err := OpenAPI("test"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	control := httptest.NewServer(s.Control())
	theWorld.server, theWorld.control = s, control.URL
	code := w.m.Run()
	control.Close()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// serveAsChild is what `whatsapp-api serve --sandbox-at` does, with the address on standard output.
func serveAsChild(at string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, _, err := configs.Load(configs.Sources{Env: os.LookupEnv, Sandbox: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	log, err := zap.NewDevelopment(zap.IncreaseLevel(zap.WarnLevel))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	lease := childLease
	if text := os.Getenv(leaseOfChild); text != "" {
		if lease, err = time.ParseDuration(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	a, err := New(ctx, cfg, Options{SandboxAt: at, Version: "test", Lease: lease}, log)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("http://" + a.Addr())
	if err := a.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
