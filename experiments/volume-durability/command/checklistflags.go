package command

import (
	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/report/rule"
)

// addReading adds the flags of how evidence is to be read by an assessor's tools.
func addReading(flags *pflag.FlagSet, group, asset *string) {
	flags.StringVar(group, "rule", "", "the rule that the checklists are of (default "+rule.Default+")")
	flags.StringVar(asset, "asset", "", "the name by which the checklists know the cluster")
}
