package run

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// PlannedCell is a cell with the objects that the run would create for it.
type PlannedCell struct {
	Spec options.CellSpec
	// Claim is nil if the run creates none.
	Claim          *corev1.PersistentVolumeClaim
	Writer, Reader *corev1.Pod
}

// PlannedCells returns the cells of a plan that are not skipped, with their objects. Nothing is created.
func (r Run) PlannedCells(p Plan) []PlannedCell {
	var planned []PlannedCell
	for _, spec := range p.NotSkipped() {
		planned = append(planned, newCell(r, spec).planned())
	}
	return planned
}

func (c *cell) planned() PlannedCell {
	defer c.logs.close()
	c.result.Claim = c.plannedClaim()
	p := PlannedCell{
		Spec:   c.result.Spec,
		Writer: c.run.Kube.NewPod(c.specs.writer(1, nil)),
		Reader: c.run.Kube.NewPod(c.specs.reader(nil)),
	}
	if claim := c.result.Claim; claim != nil && claim.Created {
		p.Claim = c.run.Kube.NewClaim(c.specs.claim())
	}
	return p
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
