package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"whatsapp-api/app"
	"whatsapp-api/configs"
)

func configCommand() *cobra.Command {
	var sandbox, example bool
	cmd := &cobra.Command{
		Use: "config", Short: "List every setting with its value and where it comes from", Args: cobra.NoArgs,
		Long: "Lists every setting with its value and where it comes from; secrets are masked. Names every fault, and fails if there is one.",
	}
	cmd.Flags().BoolVar(&sandbox, "sandbox", false, "as serve --sandbox sees them")
	cmd.Flags().BoolVar(&example, "example", false, "print a YAML file with all defaults instead")
	addSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if example {
			_, err := fmt.Fprint(cmd.OutOrStdout(), configs.Example())
			return err
		}
		_, list, wrong := settings(cmd, sandbox)
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "SETTING\tVALUE\tSOURCE\tMEANING")
		for _, s := range list {
			meaning := s.Doc
			if s.Note != "" {
				meaning = s.Note
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Value, s.Source, meaning)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return wrong
	}
	return cmd
}

func openAPICommand() *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the OpenAPI 3.1 document", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := app.OpenAPI(buildVersion())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(doc))
			return err
		},
	}
}
