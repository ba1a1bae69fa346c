package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// group is flags that belong together in the help of a command.
type group struct {
	*pflag.FlagSet
	title string
}

func newGroup(title string) group {
	flags := pflag.NewFlagSet(title, pflag.ContinueOnError)
	flags.SortFlags = false
	return group{flags, title}
}

// clusterGroup are kubectl's flags.
func clusterGroup(f clusterFlags) group {
	g := newGroup("The cluster, as with kubectl")
	f.addTo(g.FlagSet)
	return g
}

// groups gives a command its flags, and shows them in groups.
func groups(c *cobra.Command, all ...group) {
	c.Flags().SortFlags = false
	for _, g := range all {
		c.Flags().AddFlagSet(g.FlagSet)
	}
	c.SetUsageFunc(func(c *cobra.Command) error {
		out := c.OutOrStderr()
		fmt.Fprintf(out, "Usage:\n  %s\n", c.UseLine())
		if c.HasExample() {
			fmt.Fprintf(out, "\nExamples:\n%s\n", c.Example)
		}
		for _, g := range all {
			fmt.Fprintf(out, "\n%s:\n%s", g.title, g.FlagUsagesWrapped(width()))
		}
		return nil
	})
}

// width is how wide help may be.
func width() int {
	const usual, widest = 100, 120
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || columns < 40 {
		return usual
	}
	return min(columns, widest)
}
