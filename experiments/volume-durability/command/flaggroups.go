package command

import "github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"

// clusterGroup is the group of kubectl's flags.
func clusterGroup(f clusterFlags) terminal.FlagGroup {
	g := terminal.NewFlagGroup("Cluster flags, as in kubectl")
	f.addTo(g.FlagSet)
	return g
}
