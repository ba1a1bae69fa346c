package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// flagGroup is a group of flags that the help of a command shows under a heading.
type flagGroup struct {
	*pflag.FlagSet
	heading string
}

func newFlagGroup(heading string) flagGroup {
	flags := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	flags.SortFlags = false
	return flagGroup{flags, heading}
}

// clusterGroup is the group of kubectl's flags.
func clusterGroup(f clusterFlags) flagGroup {
	g := newFlagGroup("Cluster flags, as in kubectl")
	f.addTo(g.FlagSet)
	return g
}

// addFlagGroups adds groups of flags to a command and to its help.
func addFlagGroups(c *cobra.Command, groups ...flagGroup) {
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
				fmt.Fprintf(out, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
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
