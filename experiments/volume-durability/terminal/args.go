package terminal

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// ExactArgs returns a check that a command has n arguments. What describes them.
func ExactArgs(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return fmt.Errorf("want %s, got %s", what, judge.Count(len(args), "argument"))
	}
}
