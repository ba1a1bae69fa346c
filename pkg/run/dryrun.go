package run

import (
	"context"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// DryRunResult is the answer of the API server to one object of a run.
type DryRunResult struct {
	Object string
	// Err is why the API server would refuse the object, nil if it would accept it.
	Err error
}

// DryRun asks the API server whether it would accept every object that the run would create. Nothing is created.
// The API server checks permissions, names, quotas, limits, Pod Security and admission policies. The error lists the
// options that are invalid for every cluster.
func (r Run) DryRun(ctx context.Context) ([]DryRunResult, error) {
	plans, skipped, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	var all []DryRunResult
	for _, p := range plans {
		if skipped[p.StorageClass] == "" {
			all = append(all, newCell(r, p).dryRun(ctx)...)
		}
	}
	return all, r.validatePlans(plans)
}

func (c *cell) dryRun(ctx context.Context) []DryRunResult {
	defer c.logs.close()
	var all []DryRunResult
	add := func(object string, err error) { all = append(all, DryRunResult{Object: object, Err: err}) }
	client, plan := c.run.Kube, c.result.Spec
	switch {
	case plan.VolumeSource == options.EmptyDir:
	case plan.ExistingClaim != "":
		_, err := client.Claim(ctx, plan.ExistingClaim)
		add("existing claim "+plan.ExistingClaim, err)
		c.result.Claim = &result.Claim{Name: plan.ExistingClaim}
	default:
		spec := c.specs.claim()
		add("claim "+spec.Name, client.DryRunClaim(ctx, spec))
		c.result.Claim = &result.Claim{Name: spec.Name, Created: true}
	}
	writer, reader := c.specs.pod(c.run.Options.WriterPod, "write"), c.specs.pod(c.run.Options.ReaderPod, "read")
	for _, spec := range []kube.PodSpec{writer, reader} {
		add("pod "+spec.Name, client.DryRunPod(ctx, client.NewPod(spec)))
	}
	return all
}
