package command

import (
	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/report/rule"
)

// ruleFlag is --rule. It accepts only known rules, so that no run ends without its evidence because of a typing error.
type ruleFlag struct{ id *string }

// Set implements pflag.Value.
func (f ruleFlag) Set(id string) error {
	if _, err := rule.Find(id); err != nil {
		return err
	}
	*f.id = id
	return nil
}

// Type implements pflag.Value.
func (ruleFlag) Type() string { return "string" }

func (f ruleFlag) String() string {
	if f.id == nil {
		return ""
	}
	return *f.id
}

// addChecklistFlags adds the flags that change the checklists and the OSCAL document of a bundle.
func addChecklistFlags(flags *pflag.FlagSet, ruleID, asset *string) {
	flags.Var(ruleFlag{ruleID}, "rule",
		"Vuln ID of the STIG or SRG rule for the checklists and the OSCAL document (default "+rule.Default+")")
	flags.StringVar(asset, "asset", "", "name of the cluster in the checklists and the OSCAL document")
}

// ruleIDs returns the values of --rule.
func ruleIDs() []string {
	all, err := rule.All()
	if err != nil {
		return nil
	}
	var ids []string
	for _, r := range all {
		ids = append(ids, r.GroupID)
	}
	return ids
}
