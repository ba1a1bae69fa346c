package command

import (
	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/report/rule"
)

// addChecklistFlags adds the flags that change what a bundle's checklists say.
func addChecklistFlags(flags *pflag.FlagSet, ruleID, asset *string) {
	flags.StringVar(ruleID, "rule", "",
		"Vuln ID of the STIG or SRG rule for the checklists (default "+rule.Default+")")
	flags.StringVar(asset, "asset", "", "name of the cluster in the checklists")
}
