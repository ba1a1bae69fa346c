package command

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/pkg/preflight"
)

// doctorPatience bounds all that is asked.
const doctorPatience = time.Minute

func newDoctor(streams Streams) *cobra.Command {
	var format formatFlag
	var level levelFlag
	cluster := newClusterFlags()
	c := &cobra.Command{
		Use: "doctor", Short: "Say whether a cluster can run it, without changing anything", Args: noArguments,
		Long: `Say whether a cluster can run it, without changing anything: what you may do there, what
it has, and what it would say to each object that run would make with the same flags.

That nodes can pull the image, and that a volume can be made and mounted, takes a run.

The exit code is 0 where nothing stands in the way, 2 where something does.`,
	}
	own, group := newGroup("Flags"), newGroup("Inputs, as of run")
	format.addTo(own.FlagSet, formatJSON, formatYAML)
	level.addTo(own.FlagSet)
	flags := addInputs(group.FlagSet, cluster.Namespace)
	groups(c, own, group, clusterGroup(cluster))
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := read(flags.getenv(nil))
		if err != nil {
			return mistakes(err)
		}
		if t.cluster, err = cluster.connect(); err != nil {
			return err
		}
		t.image, t.log = ownImage(), newPersonsLog(streams.ErrOut, level.Level)
		fmt.Fprintf(streams.ErrOut, "Cluster    %s\n", t.cluster)
		ctx, cancel := context.WithTimeout(c.Context(), doctorPatience)
		defer cancel()
		checks := preflight.Run(ctx, t.run())
		if c.Context().Err() != nil {
			return context.Cause(c.Context())
		}
		if err := format.write(streams.Out, checks, func() (string, error) { return checklist(checks) }); err != nil {
			return err
		}
		if !preflight.Ready(checks) {
			return &exit{code: Unknown}
		}
		return nil
	}
	return c
}

// checklist is checks as a person reads them.
func checklist(checks []preflight.Check) (string, error) {
	marks := map[preflight.Status]string{preflight.OK: "✓ ok", preflight.Failed: "✗ failed", preflight.Warning: "! warning"}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, c := range checks {
		fmt.Fprintf(w, "%s\t%s\t%s\n", marks[c.Status], c.Name, c.Message)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if preflight.Ready(checks) {
		text.WriteString("\nNothing stands in the way of a run. Whether nodes can pull the image, and the volume works, takes one.\n")
	} else {
		text.WriteString("\nA run would not come to a verdict here: see what is marked failed.\n")
	}
	return text.String(), nil
}
