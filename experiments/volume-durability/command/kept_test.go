package command

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestDescribeKept_HasTheCommands(t *testing.T) {
	r := &runCommand{cluster: newClusterFlags()}
	*r.cluster.Context = "prod"
	spec := runSpec{id: "5f6c0a1b", options: options.Defaults()}
	outcome := samples.Matrix()
	assert.Empty(t, r.describeKept(spec, outcome), "without --keep")
	spec.options.Keep = true
	text := style.Wrap(r.describeKept(spec, outcome), 40)
	for _, want := range []string{
		"  kubectl --context prod -n stig get pods,persistentvolumeclaims -l volume-durability/run=5f6c0a1b\n",
		"  kubectl --context prod -n stig exec " + outcome.Cells[0].Reader.Pod.Name + " -- cat " +
			outcome.Cells[0].JournalFile + " | head\n",
		"  volume-durability cleanup --context prod -n stig --run 5f6c0a1b\n",
	} {
		assert.Contains(t, text, want)
	}
	for i := range outcome.Cells {
		outcome.Cells[i].Layout.Pattern = pattern.Create
	}
	assert.Contains(t, style.Wrap(r.describeKept(spec, outcome), 0), " -- ls "+outcome.Cells[0].JournalFile+" | head\n",
		"the pattern writes files in a folder")
	stopped := samples.Stopped()
	stopped.Cells[0].Verdict = judge.Stopped
	assert.Empty(t, r.describeKept(spec, stopped), "a run that was stopped keeps nothing")
}
