package preflight

import (
	"context"
	"errors"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// checkSELinux checks whether the run would relabel the files of an existing claim that a running pod uses.
func checkSELinux(ctx context.Context, r run.Run) []Check {
	if r.Options.ExistingClaim == "" {
		return nil
	}
	check := "SELinux label of claim " + r.Options.ExistingClaim
	err := r.CheckSELinux(ctx)
	var conflict *kube.SELinuxError
	switch {
	case errors.As(err, &conflict):
		return []Check{{check, Failed, err.Error()}}
	case err != nil:
		return []Check{{check, Warning, "not checked: " + err.Error()}}
	case r.Options.AllowRelabel:
		return []Check{{check, Passed, "ALLOW_RELABEL=true: the files may be relabelled"}}
	}
	return []Check{{check, Passed, "no running pod is known to use the claim with another label"}}
}
