// Command whatsapp-api is a self-hosted WhatsApp backend: several accounts in one process,
// everything kept in MongoDB or SQLite, a REST API and events over WebSocket.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set at build time with -ldflags "-X main.version=…".
var version = ""

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := root().ExecuteContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "whatsapp-api: "+err.Error())
		return 1
	}
	return 0
}

// root is the whole command line; without a command it serves.
func root() *cobra.Command {
	serve := serveCommand()
	cmd := &cobra.Command{
		Use: "whatsapp-api", Short: "A self-hosted WhatsApp backend in one binary", Long: serve.Long,
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs, RunE: serve.RunE,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	cmd.Flags().AddFlagSet(serve.Flags())
	cmd.AddCommand(serve, sandboxCommand(), createAdminCommand(), configCommand(), openAPICommand(), licensesCommand(), &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), buildVersion())
			return err
		},
	})
	return cmd
}

// buildVersion is the version given at build time, else what the Go toolchain knows.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
