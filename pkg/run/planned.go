package run

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// PlannedCell is a cell with the pods that the run would create for it.
type PlannedCell struct {
	Spec           options.CellSpec
	Writer, Reader *corev1.Pod
}

// PlannedCells returns the cells that the run would test, with their pods. Nothing is created.
func (r Run) PlannedCells(ctx context.Context) ([]PlannedCell, error) {
	plans, skipped, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	var planned []PlannedCell
	for _, p := range plans {
		if skipped[p.StorageClass] == "" {
			planned = append(planned, newCell(r, p).planned())
		}
	}
	return planned, nil
}

func (c *cell) planned() PlannedCell {
	defer c.logs.close()
	c.result.Claim = c.plannedClaim()
	return PlannedCell{
		Spec:   c.result.Spec,
		Writer: c.run.Kube.NewPod(c.specs.writer(1, nil)),
		Reader: c.run.Kube.NewPod(c.specs.reader(nil)),
	}
}

// plannedClaim returns the claim of the cell's pods, as far as it is known before the run; nil for an emptyDir.
func (c *cell) plannedClaim() *result.Claim {
	switch plan := c.result.Spec; {
	case plan.VolumeSource == options.EmptyDir:
		return nil
	case plan.ExistingClaim != "":
		return &result.Claim{Name: plan.ExistingClaim}
	}
	return &result.Claim{Name: c.specs.claim().Name, Created: true}
}
