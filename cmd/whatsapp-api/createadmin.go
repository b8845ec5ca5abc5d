package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/term"

	"whatsapp-api/app"
)

func createAdminCommand() *cobra.Command {
	var email, name string
	var stdin, sandbox bool
	cmd := &cobra.Command{
		Use: "create-admin --email E [--name N] [--password-stdin]", Short: "Create an admin; works while the server runs",
		Long: `Creates an admin in the store that the settings name, also while a server runs on it.
Asks for what was not given; the password is asked for twice, or read from standard input with --password-stdin.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&email, "email", "", "email to log in with")
	cmd.Flags().StringVar(&name, "name", "", "name; the part of the email before @ when not given")
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input, up to the first line break")
	cmd.Flags().BoolVar(&sandbox, "sandbox", false, "in the store of serve --sandbox")
	addSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, _, err := settings(cmd, sandbox)
		if err != nil {
			return err
		}
		in := bufio.NewReader(cmd.InOrStdin())
		if email == "" {
			if stdin {
				return errors.New("--email is needed with --password-stdin")
			}
			if email, err = ask(cmd, in, "Email: "); err != nil {
				return err
			}
		}
		if name == "" {
			name, _, _ = strings.Cut(email, "@")
		}
		password, err := password(cmd, in, stdin)
		if err != nil {
			return err
		}
		u, err := app.CreateAdmin(cmd.Context(), cfg, sandbox, email, name, password, zap.NewNop())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "admin %s created (%s)\n", u.Email, u.ID)
		return err
	}
	return cmd
}

func ask(cmd *cobra.Command, in *bufio.Reader, prompt string) (string, error) {
	fmt.Fprint(cmd.ErrOrStderr(), prompt)
	return line(in)
}

// line reads up to a line break or the end.
func line(in *bufio.Reader) (string, error) {
	text, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return "", errors.New("nothing was given on standard input")
	}
	return text, nil
}

// password reads the password without showing it on a terminal.
func password(cmd *cobra.Command, in *bufio.Reader, stdin bool) (string, error) {
	fd := int(os.Stdin.Fd())
	if stdin || !term.IsTerminal(fd) {
		return line(in)
	}
	fmt.Fprint(cmd.ErrOrStderr(), "Password: ")
	first, err := term.ReadPassword(fd)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	fmt.Fprint(cmd.ErrOrStderr(), "\nAgain: ")
	second, err := term.ReadPassword(fd)
	fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	if string(first) != string(second) {
		return "", errors.New("the two passwords differ")
	}
	return string(first), nil
}
