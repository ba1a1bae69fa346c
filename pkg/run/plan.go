package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// planCells returns the cells of the run. Those that cannot be tested have the verdict Skipped.
func (r Run) planCells(ctx context.Context) ([]*cell, error) {
	p, err := r.Plan(ctx)
	if err != nil {
		return nil, err
	}
	cells := make([]*cell, len(p.Cells))
	for i, spec := range p.Cells {
		cells[i] = newCell(r, spec)
		if reason := p.reasonToSkip(spec); reason != "" {
			cells[i].result.Verdict, cells[i].result.Reason = judge.Skipped, reason
		}
	}
	r.Hooks.CellsPlanned(p.Cells)
	for _, c := range cells {
		if c.isDecided() {
			r.Hooks.CellJudged(*c.result)
		}
	}
	return cells, r.Validate(p)
}

// unsupportedPattern returns why the write pattern of a cell cannot be tested on its volume, or "".
func unsupportedPattern(p options.CellSpec) string {
	if p.VolumeMode != corev1.PersistentVolumeBlock || p.WritePattern.SupportsBlockDevice() {
		return ""
	}
	return fmt.Sprintf("the write pattern %s needs a filesystem, and the volume is a raw block device", p.WritePattern)
}

// reasonToSkip returns why a cell is skipped, or "".
func (p Plan) reasonToSkip(c options.CellSpec) string {
	return cmp.Or(p.Skipped[c.StorageClass], unsupportedPattern(c))
}

// Plan is which cells a run has.
type Plan struct {
	Cells []options.CellSpec
	// Skipped is why the cells of a StorageClass are skipped, by the name of the class.
	Skipped map[string]string
}

// Plan returns the plan of the run. It lists the StorageClasses of the cluster only if the run tests all of them.
func (r Run) Plan(ctx context.Context) (Plan, error) {
	if !r.testsAllClasses() {
		return r.PlanWith(nil)
	}
	classes, err := r.Kube.StorageClasses(ctx)
	if err != nil {
		return Plan{}, err
	}
	return r.PlanWith(classes)
}

func (r Run) testsAllClasses() bool {
	return slices.Equal(r.Options.StorageClasses, []string{options.AllStorageClasses})
}

// PlanWith returns the plan of the run. classes are the StorageClasses of the cluster.
func (r Run) PlanWith(classes []storagev1.StorageClass) (Plan, error) {
	if !r.testsAllClasses() {
		return Plan{Cells: r.Options.Cells(nil)}, nil
	}
	var names []string
	skipped := map[string]string{}
	for _, c := range classes {
		names = append(names, c.Name)
		if !kube.HasProvisioner(c) {
			skipped[c.Name] = "StorageClass " + c.Name + " has no provisioner: its volumes are created by hand. " +
				"To test an existing claim, set EXISTING_CLAIM"
		}
	}
	if len(names) == 0 {
		return Plan{}, errors.New("STORAGE_CLASSES=*: the cluster has no StorageClass")
	}
	p := Plan{Cells: r.Options.Cells(names), Skipped: skipped}
	return p, r.Options.CheckCellCount(len(p.NotSkipped()))
}

// NotSkipped returns the cells that are not skipped, the control included.
func (p Plan) NotSkipped() []options.CellSpec {
	isSkipped := func(c options.CellSpec) bool { return p.reasonToSkip(c) != "" }
	return slices.DeleteFunc(slices.Clone(p.Cells), isSkipped)
}

// Validate checks the options that can only be checked once the cells are known.
func (r Run) Validate(p Plan) error {
	return errors.Join(r.validateNames(p.Cells), r.validateTargets(p.Cells))
}

// validateNames returns an error for every object whose name is invalid or used by two cells.
func (r Run) validateNames(plans []options.CellSpec) error {
	owner := map[string]string{}
	var invalid []error
	check := func(kind, option, value string, c options.CellSpec) {
		name := c.ObjectName(value)
		if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
			invalid = append(invalid, fmt.Errorf("%s=%q: want a shorter name: %s %s of cell %s: %s",
				option, value, kind, name, c.Name, strings.Join(problems, "; ")))
		}
		if other, taken := owner[kind+name]; taken {
			invalid = append(invalid, fmt.Errorf(
				"%s=%q: want a name that differs between the cells: %s %s would belong to cell %q and to cell %q",
				option, value, kind, name, other, c.Name))
		}
		owner[kind+name] = c.Name
	}
	for _, c := range plans {
		check("pod", "WRITER_POD", r.Options.WriterPod, c)
		check("pod", "READER_POD", r.Options.ReaderPod, c)
		if c.VolumeSource == options.Claim && c.ExistingClaim == "" {
			check("claim", "CLAIM_NAME", r.Options.ClaimName, c)
		}
	}
	return errors.Join(invalid...)
}

// validateTargets returns an error for every name in TARGET_PODS that is no writer of the run.
func (r Run) validateTargets(plans []options.CellSpec) error {
	var writers []string
	for _, c := range plans {
		writers = append(writers, c.ObjectName(r.Options.WriterPod))
	}
	var unknown []error
	for _, target := range r.Options.TargetPods {
		if !slices.Contains(writers, target) {
			err := fmt.Errorf("TARGET_PODS=%q: want writers of this run: %s", target, strings.Join(writers, ", "))
			unknown = append(unknown, err)
		}
	}
	return errors.Join(unknown...)
}
