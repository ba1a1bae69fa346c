package run

import (
	"context"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// DryRunResult is what the API server says of one object that a run would make.
type DryRunResult struct {
	Object string
	// Err is why it would not take it.
	Err error
}

// DryRun asks the API server of every object that the run would make whether it
// would take it: nothing is made. It tries everything that is in a request's way:
// permissions, names, Pod Security, quotas, limits, other admission. The error names
// what no API server would take, beside what this one says of the rest.
func (r Run) DryRun(ctx context.Context) ([]DryRunResult, error) {
	plans, skipped, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	var all []DryRunResult
	for _, p := range plans {
		if skipped[p.StorageClass] == "" {
			all = append(all, newCell(r, p).rehearse(ctx)...)
		}
	}
	return all, r.requirePossible(plans)
}

func (c *cell) rehearse(ctx context.Context) []DryRunResult {
	defer c.hangUp()
	var all []DryRunResult
	add := func(object string, err error) { all = append(all, DryRunResult{Object: object, Err: err}) }
	switch {
	case c.Plan.VolumeSource == options.EmptyDir:
	case c.Plan.ExistingClaim != "":
		_, err := c.Kube.Claim(ctx, c.Plan.ExistingClaim)
		add("existing claim "+c.Plan.ExistingClaim, err)
		c.Claim = &result.Claim{Name: c.Plan.ExistingClaim}
	default:
		spec := c.claimSpec()
		add("claim "+spec.Name, c.Kube.DryRunClaim(ctx, spec))
		c.Claim = &result.Claim{Name: spec.Name, Created: true}
	}
	for _, spec := range []kube.PodSpec{c.podSpec(c.Settings.WriterPod, "write"), c.podSpec(c.Settings.ReaderPod, "read")} {
		add("pod "+spec.Name, c.Kube.DryRunPod(ctx, c.Kube.Pod(spec)))
	}
	return all
}
