package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/preflight"
)

// doctorTimeout bounds all checks together.
const doctorTimeout = time.Minute

// doctorCommand holds the flags of the command doctor.
type doctorCommand struct {
	streams Streams
	cluster clusterFlags
	options *optionFlags
	format  terminal.FormatFlag
	level   terminal.LevelFlag
}

func newDoctor(streams Streams) *cobra.Command {
	d := &doctorCommand{streams: streams, cluster: newClusterFlags()}
	c := &cobra.Command{
		Use: "doctor", Short: "Check whether a cluster can run the experiment, without changing the cluster", Args: flagsOnly,
		Long: `Check whether a cluster can run the experiment, without changing the cluster.

doctor takes the options and the cluster flags of run. It checks the cluster, your
permissions, and whether the API server accepts every object that the run would create
(a server-side dry run). It does not check whether nodes can pull the image, or whether
a volume can be provisioned and mounted.

The exit code is 0 if every required check succeeds, and 2 otherwise.`,
		Example: `  volume-durability doctor -n storage-test --storage-class fast --reader-node other`,
		RunE:    func(c *cobra.Command, _ []string) error { return d.execute(c.Context()) },
	}
	general, optionGroup := terminal.NewFlagGroup("Flags"), terminal.NewFlagGroup("Options, as for run")
	d.format.AddTo(general.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	d.level.AddTo(general.FlagSet)
	d.options = addOptionFlags(optionGroup.FlagSet, d.cluster)
	terminal.AddFlagGroups(c, general, optionGroup, clusterGroup(d.cluster))
	return c
}

func (d *doctorCommand) execute(ctx context.Context) error {
	spec, err := newRunSpec(d.options.getenv(nil))
	if err != nil {
		return withFlagNames(err)
	}
	if spec.cluster, err = d.cluster.connect(); err != nil {
		return err
	}
	spec.image, spec.log = defaultImage(), newTerminalLog(d.streams.ErrOut, d.level.Level)
	style.Fprintf(d.streams.ErrOut, "Cluster    %s\n", spec.cluster)
	checkCtx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	checks := nameFlags(preflight.Run(checkCtx, spec.run()))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = d.format.Write(d.streams.Out, checks, func() (string, error) {
		return checkTable(checks, d.format.Color.Palette(d.streams.Out), style.WrapWidth(d.streams.Out)), nil
	})
	if err == nil && !preflight.Ready(checks) {
		return &terminal.Exit{Code: terminal.ExitError}
	}
	return err
}

// nameFlags replaces the names of options in checks by their flags.
func nameFlags(checks []preflight.Check) []preflight.Check {
	for i := range checks {
		checks[i].Name, checks[i].Message = options.UseFlags(checks[i].Name), options.UseFlags(checks[i].Message)
	}
	return checks
}

// checkTable renders checks as a table for a terminal. Messages are wrapped at a width; 0 is no limit.
func checkTable(checks []preflight.Check, palette style.Palette, width int) string {
	marks := map[preflight.Status]string{
		preflight.Passed: palette.Good("✓ passed "), preflight.Failed: palette.Bad("✗ failed "),
		preflight.Warning: palette.Notice("! warning"),
	}
	const (
		gap        = "  "
		markWidth  = len("! warning")
		minMessage = 20
	)
	nameWidth := 0
	for _, c := range checks {
		nameWidth = max(nameWidth, runewidth.StringWidth(c.Name))
	}
	left := markWidth + len(gap) + nameWidth + len(gap)
	var text strings.Builder
	for _, c := range checks {
		lines := []string{c.Message}
		if room := width - left; width > 0 && room >= minMessage {
			lines = style.Words(c.Message, room, room)
		}
		fmt.Fprintf(&text, "%s%s%s%s%s\n", marks[c.Status], gap, style.Pad(c.Name, nameWidth, false), gap,
			strings.Join(lines, "\n"+strings.Repeat(" ", left)))
	}
	if preflight.Ready(checks) {
		text.WriteString("\nThe cluster is ready. Not checked: whether nodes can pull an image that they do not have, and " +
			"whether volumes work. Only a run shows that.\n")
	} else {
		text.WriteString("\nThe cluster is not ready: fix the failed checks first.\n")
	}
	return text.String()
}
