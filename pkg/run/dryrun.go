package run

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// DryRunResult is the answer of the API server to one object of a run.
type DryRunResult struct {
	Object string
	// Err is why the API server would refuse the object, nil if it would accept it.
	Err error
}

// DryRun asks the API server whether it would accept every object of the cells. Nothing is created. The API server
// checks permissions, names, quotas, limits, Pod Security and admission policies. It also returns each object as it
// would create it. DryRun puts these objects into the cells, in place of the planned ones.
func (r Run) DryRun(ctx context.Context, cells []PlannedCell) []DryRunResult {
	var all []DryRunResult
	for i := range cells {
		all = append(all, r.dryRun(ctx, &cells[i])...)
	}
	return all
}

func (r Run) dryRun(ctx context.Context, c *PlannedCell) []DryRunResult {
	var all []DryRunResult
	add := func(object string, err error) { all = append(all, DryRunResult{Object: object, Err: err}) }
	switch {
	case c.Claim != nil:
		admitted, err := r.Kube.DryRunClaim(ctx, c.Claim)
		add("claim "+c.Claim.Name, err)
		if err == nil {
			c.Claim = admitted
		}
	case c.Spec.VolumeSource == options.Claim:
		_, err := r.Kube.UsableClaim(ctx, c.Spec.ExistingClaim, c.Spec.VolumeMode)
		add("existing claim "+c.Spec.ExistingClaim, err)
	}
	for _, pod := range []**corev1.Pod{&c.Writer, &c.Reader} {
		admitted, err := r.Kube.DryRunPod(ctx, *pod)
		add("pod "+(*pod).Name, err)
		if err == nil {
			*pod = admitted
		}
	}
	return all
}
