package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/generated"
)

// measured returns the committed results.
func measured(t *testing.T) []Row {
	t.Helper()
	rows, err := readRows("results.json")
	require.NoError(t, err)
	return rows
}

func TestDocumentation_HasTheResults(t *testing.T) {
	rows := measured(t)
	generated.CheckSection(t, "../../docs/backends.md", "results", table(rows))
	generated.CheckSection(t, "../../docs/backends.md", "machines", machineTable(rows))
	generated.CheckSection(t, "../../docs/backends.md", "advice", advice(rows))
	generated.CheckSection(t, "../../docs/backends.md", "record", record(rows))
}

func TestResults_EveryRowIsOfABackendAndHasEvents(t *testing.T) {
	for _, r := range measured(t) {
		assert.True(t, slices.ContainsFunc(all(), func(b Backend) bool { return b.Name == r.Backend }), r.Backend)
		tested := slices.DeleteFunc(slices.Clone(r.Events), func(o Outcome) bool { return o.Verdict == Failed })
		least := 3
		if onMachines(r) {
			least = 2
		}
		assert.GreaterOrEqual(t, len(tested), least, r.Backend)
		assert.NotEmpty(t, r.Version, r.Backend)
	}
}

// fast are the names of backends that are quick to set up, and whose verdicts do not depend on when the kernel writes
// data back by itself.
func fast() []string { return []string{"bindfs", "posixovl", "sshfs", "archivemount", "fuse-zip"} }

// programs returns a folder for programs. It is not in /tmp, because the stages have another /tmp.
func programs(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/var/tmp", "backends-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	return folder
}

func TestBackends_KeepWhatTheResultsSay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting filesystems needs root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("the backends need /dev/fuse")
	}
	program, err := buildProgram(t.Context(), programs(t))
	require.NoError(t, err)
	rows := measured(t)
	for _, b := range all() {
		if !slices.Contains(fast(), b.Name) {
			continue
		}
		row := rows[slices.IndexFunc(rows, func(r Row) bool { return r.Backend == b.Name })]
		t.Run(b.Name, func(t *testing.T) {
			if err := install(t.Context(), b.requirements()); errors.Is(err, errNoPackage) {
				t.Skip(err)
			}
			t.Parallel()
			for _, e := range events() {
				if e.name != "client-killed" && e.name != "power-cut" || e.pattern != "append" {
					continue
				}
				t.Run(e.name, func(t *testing.T) {
					t.Parallel()
					got, err := e.on(t.Context(), program, b)
					require.NoError(t, err)
					assert.Equal(t, row.outcome(e.name, e.pattern).Verdict, got.Verdict, "%s %s", got, got.Reason)
				})
			}
		})
	}
}

func TestNewOutcome(t *testing.T) {
	finding := func(c judge.Class) []judge.Finding { return []judge.Finding{{Class: c}} }
	for _, c := range []struct {
		verdict  judge.Verdict
		findings []judge.Finding
		reason   string
		want     Verdict
	}{
		{judge.Pass, nil, "", Kept},
		{judge.Fail, finding(judge.Missing), "", Lost},
		{judge.Fail, finding(judge.Unavailable), "", Unavailable},
		{judge.Fail, append(finding(judge.Unavailable), finding(judge.Torn)...), "", Lost},
		{judge.Error, nil, "the journal was not visible at /other within 20s", Hidden},
		{judge.Error, nil, "no record was acknowledged", Failed},
	} {
		assert.Equal(t, c.want, newOutcome(c.verdict, c.findings, c.reason).Verdict)
	}
}

func TestCompare_ReportsADifferentVerdict(t *testing.T) {
	row := func(v Verdict) []Row {
		return []Row{{Backend: "x", Events: []Outcome{{Event: "power-cut", Pattern: "append", Verdict: v}}}}
	}
	assert.NoError(t, compare(row(Kept), row(Kept)))
	assert.ErrorContains(t, compare(row(Kept), row(Lost)), "x, power-cut, append: lost")
	assert.NoError(t, compare(nil, row(Lost)), "a new backend")
}

func TestMerge_KeepsTheEventsThatWereNotMeasuredAgain(t *testing.T) {
	cut := Outcome{Event: "power-cut", Pattern: "append", Verdict: Kept}
	killed := Outcome{Event: "writer-killed", Pattern: "append", Verdict: Kept}
	rows := merge([]Row{{Backend: "x", Events: []Outcome{cut}}}, Row{Backend: "x", Events: []Outcome{killed}})
	require.Len(t, rows, 1)
	assert.ElementsMatch(t, []Outcome{cut, killed}, rows[0].Events)
}

func TestMerge_KeepsOtherVerdictsOfTheSameVersion(t *testing.T) {
	row := func(version string, v Verdict) Row {
		return Row{Backend: "x", Version: version, Events: []Outcome{{Event: "power-cut", Pattern: "append", Verdict: v}}}
	}
	rows := merge(merge(merge([]Row{row("1", Kept)}, row("1", Failed)), row("1", Lost)), row("1", Lost))
	require.Equal(t, []Verdict{Kept}, rows[0].Events[0].Others)
	assert.NoError(t, compare(rows, []Row{row("1", Kept)}))
	assert.ErrorContains(t, compare(rows, []Row{row("1", Unavailable)}), "unavailable")
	assert.Equal(t, "**lost** 0 of 0: ; in another run kept", cell(&rows[0].Events[0]))

	assert.Empty(t, merge(rows, row("2", Lost))[0].Events[0].Others, "another version")
}

func TestBackends_AreDescribedCompletely(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range all() {
		assert.False(t, seen[b.Name], "%s is described twice", b.Name)
		assert.NotEmpty(t, b.Package, b.Name)
		assert.NotEqual(t, b.Mount == "", b.Machines == nil, b.Name)
		assert.Equal(t, b.Documented == "", b.Source == "", "%s: what is documented needs its address", b.Name)
		assert.Equal(t, b.Serve == "", b.Ready == "", b.Name)
		seen[b.Name] = true
	}
}

// Users can check each finding without this project: in the documentation of the storage, or with a script.
func TestRecord_HasASourceOrAScriptForEachFinding(t *testing.T) {
	rows, err := readRows("results.json")
	require.NoError(t, err)
	for _, f := range findings(rows) {
		assert.False(t, f.backend.Documented == "" && len(f.backend.Scripts) == 0, f.software)
	}
	for _, b := range all() {
		for _, name := range b.Scripts {
			assert.FileExists(t, filepath.Join("../../findings", name+".sh"), b.Name)
		}
	}
}

func TestRecord_MergesTheOptionsOfOneSoftware(t *testing.T) {
	row := func(backend string, o ...Outcome) Row {
		return Row{Backend: backend, Package: "p", Version: "1.0", Events: o}
	}
	text := record([]Row{
		row("bindfs", Outcome{Event: "power-cut", Pattern: "append", Verdict: Kept}),
		row("rclone mount, cache off",
			Outcome{Event: "power-cut", Pattern: "append", Verdict: Lost, Classes: []judge.Class{judge.Missing}}),
		row("rclone mount, cache full", Outcome{Event: "client-killed", Pattern: "append", Verdict: Unavailable}),
	})
	assert.NotContains(t, text, "bindfs")
	assert.Contains(t, text, "| rclone mount (p 1.0) | `missing`, `unavailable` | `power-cut`, `client-killed` | [yes](")
}

func TestRecord_HasALossOfAnotherRun(t *testing.T) {
	kept := Outcome{Event: "power-cut", Pattern: "append", Verdict: Kept}
	other := kept
	other.Others = []Verdict{Unavailable, Lost}
	rows := []Row{
		{Backend: "bindfs", Package: "p", Version: "1", Events: []Outcome{kept}},
		{Backend: "securefs", Package: "p", Version: "1", Events: []Outcome{other}},
	}
	text := record(rows)
	assert.NotContains(t, text, "bindfs")
	assert.Contains(t, text, "| securefs (p 1) | `unavailable`, lost in another run | `power-cut` |")
}

func TestStage_KeepsFilesOfItsProcessesOutOfTmp(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting filesystems needs root")
	}
	b := Backend{Name: "x", Setup: "touch /tmp/left-by-${WORK##*/} /run/left-by-${WORK##*/}", Mount: "true", Kernel: true}
	s, err := newStage(t.Context(), b, t.TempDir())
	require.NoError(t, err)
	name := "left-by-" + filepath.Base(s.work)
	for _, folder := range []string{"/tmp", "/run"} {
		assert.NoFileExists(t, filepath.Join(folder, name))
		assert.FileExists(t, filepath.Join(s.work, folder, name))
	}
	require.NoError(t, s.remove(t.Context()))
	assert.NoDirExists(t, s.work)
}

func TestErrnoIn(t *testing.T) {
	assert.Equal(t, "ENOTCONN", errnoIn("error: writing /f: write /f: transport endpoint is not connected\n"))
	assert.Equal(t, "ESPIPE", errnoIn("write(2) at the end of the file failed: illegal seek (ESPIPE)"))
	assert.Empty(t, errnoIn("interrupted"))
}

func TestCountSyncs_CountsThoseThatSucceeded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	trace := "7 fsync(4 <unfinished ...>\n8 fdatasync(5) = 0\n7 <... fsync resumed>) = 0\n8 fsync(5) = -1 EIO (Input/output error)\n"
	require.NoError(t, os.WriteFile(path, []byte(trace), 0o600))
	n, err := countSyncs(path)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

func TestOutcome_NamesTheLossAndTheError(t *testing.T) {
	lost := Outcome{Verdict: Lost, Classes: []judge.Class{judge.Missing}, Acknowledged: 1200, Lost: 3, WriterError: "EIO"}
	assert.Equal(t, "**lost** 3 of 1 200: `missing`; then `EIO`", cell(&lost))
	assert.Equal(t, "kept", cell(&Outcome{Verdict: Kept}))
	assert.Equal(t, "**error**: `ESPIPE`", cell(&Outcome{Verdict: Failed, WriterError: "ESPIPE"}))
	assert.Equal(t, "kept; the writer is blocked", cell(&Outcome{Verdict: Kept, Blocked: true}))
	assert.Equal(t, "–", cell(nil))
}

// The program of a Go module has its own version, and no Debian package.
func TestRequirements_HaveNoPackageIfTheVersionIsGiven(t *testing.T) {
	built := Backend{Package: "weed", Version: "4.53", Packages: []string{"curl"}}
	assert.NotContains(t, built.requirements(), "weed")
	assert.Contains(t, built.requirements(), "curl")
	assert.Contains(t, Backend{Package: "bindfs"}.requirements(), "bindfs")
}
