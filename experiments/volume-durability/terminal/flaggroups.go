package terminal

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// FlagGroup is a group of flags that the help of a command shows under a heading.
type FlagGroup struct {
	*pflag.FlagSet
	heading string
}

// NewFlagGroup returns a group without flags.
func NewFlagGroup(heading string) FlagGroup {
	flags := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	flags.SortFlags = false
	return FlagGroup{flags, heading}
}

// AddFlagGroups adds groups of flags to a command and to its help. Call it for each subcommand too. Otherwise the help
// of the subcommand shows the groups of its parent.
func AddFlagGroups(c *cobra.Command, groups ...FlagGroup) {
	c.Flags().SortFlags = false
	for _, g := range groups {
		c.Flags().AddFlagSet(g.FlagSet)
	}
	c.SetUsageFunc(func(c *cobra.Command) error {
		out := c.OutOrStderr()
		fmt.Fprintf(out, "Usage:\n  %s\n", c.UseLine())
		if c.HasExample() {
			fmt.Fprintf(out, "\nExamples:\n%s\n", c.Example)
		}
		if c.HasAvailableSubCommands() {
			fmt.Fprint(out, "\nAvailable Commands:\n")
			for _, sub := range c.Commands() {
				if sub.IsAvailableCommand() {
					fmt.Fprintf(out, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
				}
			}
		}
		for _, g := range groups {
			fmt.Fprintf(out, "\n%s:\n%s", g.heading, g.FlagUsagesWrapped(helpWidth()))
		}
		return nil
	})
}

// helpWidth is the number of columns for help.
func helpWidth() int {
	const fallback, widest = 100, 120
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || columns < 40 {
		return fallback
	}
	return min(columns, widest)
}
