package main

import (
	"github.com/spf13/cobra"

	"whatsapp-api/app"
	"whatsapp-api/configs"
)

func sandboxCommand() *cobra.Command {
	var sc app.SandboxConfig
	cfg := configs.Default()
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Run a WhatsApp server with simulated phones alone, on loopback",
		Long: `Runs the WhatsApp side alone: a server in the real protocol with simulated phones, for clients on this machine.
Prints one line of JSON with all that a client needs to connect. Join it with: whatsapp-api serve --sandbox-at http://CONTROL`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&sc.Listen, "listen", "127.0.0.1:8443", "TLS address for WhatsApp clients, loopback only")
	cmd.Flags().StringVar(&sc.Control, "control", "127.0.0.1:8444", "HTTP address of the control routes, loopback only")
	cmd.Flags().StringVar(&sc.DataDir, "data", "", "folder to keep phones, links and queues in; empty: in memory")
	cmd.Flags().BoolVar(&sc.Fresh, "fresh", false, "delete the phones, links and queues kept in --data, and begin anew")
	cmd.Flags().StringVar(&cfg.LogLevel, "log-level", cfg.LogLevel, "debug, info, warn or error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cfg)
		if err != nil {
			return err
		}
		return app.RunSandbox(cmd.Context(), sc, log, cmd.OutOrStdout())
	}
	return cmd
}
