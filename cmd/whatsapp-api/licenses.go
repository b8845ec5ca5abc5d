package main

import (
	_ "embed"
	"fmt"

	"github.com/spf13/cobra"
)

// licenses are those of all that the binary holds, with their texts; `task gen` makes them anew. The file has a
// name that the tool does not take for a licence of this program.
//
//go:embed thirdparty.txt
var licenses string

func licensesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "licenses", Short: "Print the licences of all that this binary holds", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), licenses)
			return err
		},
	}
}
