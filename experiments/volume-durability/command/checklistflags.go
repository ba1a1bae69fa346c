package command

import (
	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/report/rule"
)

// addChecklistFlags adds the flags that change the checklists and the OSCAL document of a bundle.
func addChecklistFlags(flags *pflag.FlagSet, ruleID, asset *string) {
	flags.StringVar(ruleID, "rule", "",
		"Vuln ID of the STIG or SRG rule for the checklists and the OSCAL document (default "+rule.Default+")")
	flags.StringVar(asset, "asset", "", "name of the cluster in the checklists and the OSCAL document")
}
