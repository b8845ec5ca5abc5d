package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"whatsapp-api/configs"
)

// addSettings gives a command a flag for each setting, and --config.
func addSettings(flags *pflag.FlagSet) {
	flags.String("config", "", "YAML file with settings")
	flags.String("env-file", ".env", "file with settings as in the environment; may be missing")
	_, list, _ := configs.Load(configs.Sources{}) // defaults only: they have no faults
	for _, s := range list {
		flags.String(flagOf(s.Name), "", fmt.Sprintf("%s (%s; default %q)", s.Doc, s.Name, s.Value))
	}
	for _, name := range configs.Names() {
		if of, ok := strings.CutSuffix(name, "_FILE"); ok {
			flags.String(flagOf(name), "", fmt.Sprintf("File that holds %s (%s)", of, name))
		}
	}
}

func flagOf(setting string) string { return strings.ToLower(strings.ReplaceAll(setting, "_", "-")) }

// settings reads all sources for a command.
func settings(cmd *cobra.Command, sandbox bool) (configs.Config, []configs.Setting, error) {
	given := map[string]string{}
	for _, name := range configs.Names() {
		if f := cmd.Flags().Lookup(flagOf(name)); f != nil && f.Changed {
			given[name] = f.Value.String()
		}
	}
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return configs.Config{}, nil, err
	}
	dotEnv, err := cmd.Flags().GetString("env-file")
	if err != nil {
		return configs.Config{}, nil, err
	}
	return configs.Load(configs.Sources{Flags: given, Env: os.LookupEnv, DotEnv: dotEnv, File: file, Sandbox: sandbox})
}

// logger writes to standard error, so that standard output stays for what was asked for.
func logger(cfg configs.Config) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(cfg.LogLevel)
	if err != nil {
		return nil, fmt.Errorf("LOG_LEVEL: %w", err)
	}
	console := cfg.LogFormat == "console" || cfg.LogFormat == "" && term.IsTerminal(int(os.Stderr.Fd()))
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	encoder := zapcore.NewJSONEncoder(enc)
	if console {
		enc.EncodeLevel = zapcore.CapitalColorLevelEncoder
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), level)), nil
}
