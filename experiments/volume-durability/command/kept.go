package command

import (
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// describeKept returns the commands to look at what --keep left in the cluster and to remove it; empty if nothing was
// kept. Wrap must follow.
func (r *runCommand) describeKept(spec runSpec, outcome result.Result) string {
	kept := keptCell(spec, outcome)
	if kept == nil {
		return ""
	}
	namespace := spec.options.Namespace
	where := r.cluster.kubectlFlags() + " -n " + namespace
	selector := kube.RunLabel + "=" + spec.id
	var text strings.Builder
	command := func(format string, args ...any) {
		text.WriteString(style.Whole("  "+fmt.Sprintf(format, args...)) + "\n")
	}
	fmt.Fprintf(&text, "\nKept in namespace %s. To look at the objects and at the journal, and to remove them:\n", namespace)
	command("kubectl%s get pods,persistentvolumeclaims -l %s", where, selector)
	if kept.Reader != nil {
		read := "cat"
		if kept.Layout.Pattern.IsFolder() {
			read = "ls"
		}
		command("kubectl%s exec %s -- %s %s | head", where, kept.Reader.Pod.Name, read, kept.JournalFile)
	} else {
		command("kubectl%s describe pods,persistentvolumeclaims -l %s", where, selector)
	}
	command("volume-durability cleanup%s --run %s", where, spec.id)
	return text.String()
}

// keptCell returns a cell whose objects were kept, preferably one with a reader; nil if there is none.
func keptCell(spec runSpec, outcome result.Result) *result.Cell {
	if !spec.options.Keep {
		return nil
	}
	var kept *result.Cell
	for i, c := range outcome.Cells {
		isKept := !c.Spec.Control && c.Verdict != judge.Stopped && (c.Claim != nil || c.Reader != nil)
		if isKept && (kept == nil || kept.Reader == nil && c.Reader != nil) {
			kept = &outcome.Cells[i]
		}
	}
	return kept
}
