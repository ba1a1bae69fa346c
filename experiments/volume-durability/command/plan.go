package command

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// maxListedCells is how many cells a plan lists one by one.
const maxListedCells = 10

// describePlan describes what a run will do. Its lines are wrapped at a width; 0 is no limit.
func describePlan(spec runSpec, plan run.Plan, width int) string {
	opts, cells := spec.options, plan.NotSkipped()
	var b strings.Builder
	line := func(heading, format string, args ...any) {
		b.WriteString(style.Hang(fmt.Sprintf("%-10s ", heading), fmt.Sprintf(format, args...), width) + "\n")
	}
	line("Namespace", "%s", opts.Namespace)
	line("Cells", "%s", countCells(len(plan.Cells), len(cells), opts))
	if skipped := len(plan.Cells) - len(cells); skipped > 0 {
		line("", "%s", judge.Plural(skipped, "of them is skipped, because its StorageClass has no provisioner",
			"of them are skipped, because their StorageClasses have no provisioner"))
	}
	line("Claims", "%s", sumClaims(cells, opts, claimSize(spec)))
	for i, c := range cells[:min(len(cells), maxListedCells)] {
		heading := "Creates"
		if i > 0 {
			heading = ""
		}
		writer, reader := c.ObjectName(opts.WriterPod), c.ObjectName(opts.ReaderPod)
		line(heading, "%s; pods %s and %s", describeVolume(c, opts, claimSize(spec)), writer, reader)
	}
	if more := len(cells) - maxListedCells; more > 0 {
		line("", "and the same for %s", judge.Count(more, "more cell"))
	}
	line("Image", "%s", spec.podImage())
	line("Then", "deletes the writers every %s for %s, reads the journals back,", opts.Interval, opts.Duration)
	if opts.Keep {
		line("", "and removes everything but the claims and the reader pods (--keep)")
	} else {
		line("", "and removes everything that it created")
	}
	line("Time", "at least %s", minimumTime(len(cells), opts))
	return b.String()
}

// countCells returns the number of cells, and how many are tested at the same time.
func countCells(all, tested int, opts options.Values) string {
	text := fmt.Sprintf("%d, without a control", all)
	if opts.NegativeControl {
		text = fmt.Sprintf("%d, one of them the control", all)
	}
	if tested > opts.ParallelCells {
		text += fmt.Sprintf("; at most %d at the same time", opts.ParallelCells)
	}
	return text
}

// sumClaims returns the number of claims and their capacity.
func sumClaims(cells []options.CellSpec, opts options.Values, size resource.Quantity) string {
	claims := 0
	for _, c := range cells {
		if createsClaim(c) {
			claims++
		}
	}
	if claims == 0 {
		return "creates none"
	}
	text := fmt.Sprintf("%d, %s in total", claims, times(size, claims))
	if claims > opts.ParallelCells && !opts.Keep {
		text += fmt.Sprintf(", at most %s at the same time", times(size, opts.ParallelCells))
	}
	return text
}

// createsClaim reports whether a run creates a claim for a cell.
func createsClaim(c options.CellSpec) bool {
	return c.VolumeSource == options.Claim && c.ExistingClaim == ""
}

func times(q resource.Quantity, n int) string {
	product := q.DeepCopy()
	product.Mul(int64(n))
	return product.String()
}

// claimSize returns the size of the claims that a run creates.
func claimSize(spec runSpec) resource.Quantity {
	if spec.template != nil {
		if size, set := spec.template.Spec.Resources.Requests[corev1.ResourceStorage]; set {
			return size
		}
	}
	return spec.options.ClaimSize
}

// minimumTime returns how long the chaos of all batches and the ramp time take.
func minimumTime(cells int, opts options.Values) time.Duration {
	parallel := max(1, opts.ParallelCells)
	batches := (cells + parallel - 1) / parallel
	return time.Duration(batches)*opts.Duration + 2*opts.RampTime
}

// describeVolume describes the volume of a cell. size is the size of its claim.
func describeVolume(c options.CellSpec, opts options.Values, size resource.Quantity) string {
	switch {
	case c.Control:
		return "an emptyDir, the control that must lose its data"
	case c.VolumeSource == options.EmptyDir:
		return "an emptyDir"
	case c.ExistingClaim != "":
		return "a folder on claim " + c.ExistingClaim
	}
	class := "the default StorageClass"
	if c.StorageClass != "" {
		class = "StorageClass " + c.StorageClass
	}
	return fmt.Sprintf("claim %s, %s of %s", c.ObjectName(opts.ClaimName), size.String(), class)
}
