package main

import (
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"whatsapp-api/app"
)

func serveCommand() *cobra.Command {
	opt := app.Options{}
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server (this is what happens without a command)",
		Long: `Runs the server: the REST API, events over WebSocket, and all sessions.

Without any setting it keeps everything in an SQLite file under ./data and listens on port 3000.
Every setting is a flag, an environment variable, or a line of .env or of a YAML file, in that order of strength.
With --sandbox it talks to a WhatsApp of its own, without phone and without internet.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&opt.Sandbox, "sandbox", false, "run against a WhatsApp sandbox inside this process")
	cmd.Flags().StringVar(&opt.SandboxAt, "sandbox-at", "", "run against the sandbox with this control address, e.g. http://127.0.0.1:8444")
	addSettings(cmd.Flags())
	cmd.MarkFlagsMutuallyExclusive("sandbox", "sandbox-at")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, list, err := settings(cmd, opt.Sandbox || opt.SandboxAt != "")
		if err != nil {
			return err
		}
		log, err := logger(cfg)
		if err != nil {
			return err
		}
		defer func() { _ = log.Sync() }() // standard error cannot be synced everywhere
		for _, s := range list {
			if s.Unknown {
				log.Warn("unknown setting", zap.String("setting", s.Name), zap.String("source", s.Source))
			} else if s.Note != "" {
				log.Info("setting "+s.Name, zap.String("note", s.Note))
			}
		}
		opt.Version = buildVersion()
		a, err := app.New(cmd.Context(), cfg, opt, log)
		if err != nil {
			return err
		}
		return a.Run(cmd.Context())
	}
	return cmd
}
