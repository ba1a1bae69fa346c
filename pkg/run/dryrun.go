package run

import (
	"context"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// DryRunResult is the answer of the API server to one object of a run.
type DryRunResult struct {
	Object string
	// Err is why the API server would refuse the object, nil if it would accept it.
	Err error
}

// DryRun asks the API server whether it would accept every object that the run would create. Nothing is created.
// The API server checks permissions, names, quotas, limits, Pod Security and admission policies. The error lists the
// options that are invalid on any cluster.
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
	client := c.run.Kube
	c.result.Claim = c.plannedClaim()
	switch claim := c.result.Claim; {
	case claim == nil:
	case claim.Created:
		add("claim "+claim.Name, client.DryRunClaim(ctx, c.specs.claim()))
	default:
		_, err := client.Claim(ctx, claim.Name)
		add("existing claim "+claim.Name, err)
	}
	writer, reader := c.specs.pod(c.run.Options.WriterPod, "write"), c.specs.pod(c.run.Options.ReaderPod, "read")
	for _, spec := range []kube.PodSpec{writer, reader} {
		add("pod "+spec.Name, client.DryRunPod(ctx, client.NewPod(spec)))
	}
	return all
}
