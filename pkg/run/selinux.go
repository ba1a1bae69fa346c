package run

import "context"

// CheckSELinux returns an error if the run would use an existing claim with another SELinux label than a running pod
// that uses it, unless the options allow that. Nothing is created.
func (r Run) CheckSELinux(ctx context.Context) error {
	if r.Options.ExistingClaim == "" || r.Options.AllowRelabel {
		return nil
	}
	plan, err := r.Plan(ctx)
	if err != nil {
		return err
	}
	for _, c := range r.PlannedCells(plan) {
		if c.Spec.ExistingClaim != "" { // the pods of all such cells have the same label
			return r.Kube.CheckSELinux(ctx, c.Spec.ExistingClaim, c.Writer)
		}
	}
	return nil
}
