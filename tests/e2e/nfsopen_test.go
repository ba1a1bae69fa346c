package e2e

import (
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// While a process of the writer's node has files of the journal open, the writer removes them. The client renames them
// to .nfs…, and other clients see these files. The run must not report them.
func testOpenFiles(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	// The process uses the volume, which is therefore not detached before the reader starts.
	env := overNFS(t, ns, map[string]string{
		"WRITE_PATTERN": "remove", "WRITE_OBJECTS": "16", "REQUIRED_EVIDENCE": "uncached",
	})
	const end = `kill "$(cat /run/open.pid)" 2>/dev/null || true`
	t.Cleanup(func() { onMachine(t, writerMachine, end) })
	var renamed string
	onAdmissions(t, ns, map[string]func() error{
		"DELETE write-pod": func() error { return openFiles(t, ns) },
		"CREATE read-pod": func() (err error) {
			renamed, err = onJournal(t, ns, "", `find "$1" -name '.nfs*' | wc -l`)
			return err
		},
		"DELETE read-pod": func() error {
			_, err := tryOnMachine(t, writerMachine, end)
			return err
		},
	})
	o := run(t, ns, env)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	require.NotNil(t, o.result.Cells[0].Reader)
	assert.Equal(t, readerMachine, o.result.Cells[0].Reader.Node)
	t.Logf("the server had %s renamed files when the reader was created: %s", renamed, o.result.Reason)
	assert.NotContains(t, []string{"", "0"}, renamed, "a file must have been removed while it was open")
	requireNothingLeft(t, ns)
}

// openFiles opens all files of the journal in a process of the writer's node, and returns once the writer has removed
// one of them.
func openFiles(t *testing.T, ns *chaosengine.Namespace) error {
	t.Helper()
	volume, err := volumeOf(t, ns, "")
	if err != nil {
		return err
	}
	const open = `mount=$(findmnt --noheadings --raw --output TARGET --source "$1" | head -n 1)
test -n "$mount"
setsid tail -f "$mount"/logs.log/* >/dev/null 2>&1 &
echo $! >/run/open.pid
end=$(($(date +%s) + 20)) # a webhook may take 30 s
while [ "$(date +%s)" -lt $end ]; do
	for file in "$mount"/logs.log/.nfs*; do if [ -e "$file" ]; then exit; fi; done
	sleep 0.1
done
echo "the client renamed no file" >&2
exit 1`
	_, err = tryOnMachine(t, writerMachine, open, serverAddress+":/"+volume)
	return err
}
