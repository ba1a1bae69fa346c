package command

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/orphans"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestCleanupDecide_KeepsObjectsOfRunningRuns(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	here, err := writePIDFile("running-here")
	require.NoError(t, err)
	defer here.remove()
	folder, err := pidFolder()
	require.NoError(t, err)
	const noSuchPID = 1 << 30 // above the limit of every system
	require.NoError(t, os.WriteFile(filepath.Join(folder, "ended-here"), []byte(strconv.Itoa(noSuchPID)), 0o600))

	now := time.Now()
	ago := func(age time.Duration) []orphans.Object {
		return []orphans.Object{{Kind: "pod", CreatedAt: now.Add(-48 * time.Hour)}, {Kind: "claim", CreatedAt: now.Add(-age)}}
	}
	mine := hostLabel()
	all := []orphans.Run{
		{ID: "engine-running", State: orphans.Running, Objects: ago(48 * time.Hour)},
		{ID: "engine-ended", State: orphans.Ended, Objects: ago(time.Second)},
		{ID: "engine-ended-kept", State: orphans.Ended, Kept: true, Objects: ago(48 * time.Hour)},
		{ID: "running-here", State: orphans.Unknown, Host: mine, Objects: ago(48 * time.Hour)},
		{ID: "ended-here", State: orphans.Unknown, Host: mine, Objects: ago(time.Second)},
		{ID: "running-here", State: orphans.Unknown, Host: "another", Objects: ago(time.Second)},
		{ID: "new-elsewhere", State: orphans.Unknown, Host: "another", Objects: ago(time.Hour)},
		{ID: "old-elsewhere", State: orphans.Unknown, Host: "another", Objects: ago(25 * time.Hour)},
		{ID: "../ended-here", State: orphans.Unknown, Host: mine, Objects: ago(time.Second)},
	}
	u := &cleanupCommand{olderThan: 24 * time.Hour}
	runs, anyToRemove := u.decide(all, now)
	assert.True(t, anyToRemove)
	var removed []string
	for _, r := range runs {
		assert.NotEmpty(t, r.ID)
		if r.Remove {
			removed = append(removed, r.ID)
		}
	}
	assert.Equal(t, []string{"engine-ended", "ended-here", "old-elsewhere"}, removed)

	u.run = "engine-ended-kept"
	runs, _ = u.decide(all[2:3], now)
	assert.True(t, runs[0].Remove, "--run names it")

	elsewhere := orphans.Run{ID: "kept", State: orphans.Unknown, Kept: true, Host: "another", Objects: ago(time.Hour)}
	u.run = ""
	runs, _ = u.decide([]orphans.Run{elsewhere}, now)
	assert.Contains(t, runs[0].Reason, "to remove them: --run kept --older-than 0")
	u.run, u.olderThan = "kept", 0
	runs, _ = u.decide([]orphans.Run{elsewhere}, now)
	assert.True(t, runs[0].Remove, "these flags remove it")

	require.NoError(t, removePIDFile("ended-here"))
	state, _ := localProcess("ended-here")
	assert.Equal(t, processUnknown, state)
}

func TestCleanupPrint_DistinguishesUnknownRunFromCleanCluster(t *testing.T) {
	for run, want := range map[string]string{
		"": "No objects of a run were found.", "5f6c": "No objects of run 5f6c were found. To list all runs",
	} {
		var out bytes.Buffer
		require.NoError(t, (&cleanupCommand{streams: Streams{Out: &out}, run: run}).printRuns(nil))
		assert.Contains(t, out.String(), want)
	}
}

func TestCleanup_RunMayBeABeginning(t *testing.T) {
	found := []orphans.Run{{ID: "5f6c0001", Namespace: "a"}, {ID: "5f6c0001", Namespace: "b"}, {ID: "5f6c0002"}}
	for arg, want := range map[string]int{
		"5f6c0001": 2, "5f6c0002": 1, "volume-durability-5f6c0002": 1, "5f6c00": -1, "7": 0,
	} {
		runs, err := onlyRun(arg, slices.Clone(found))
		if want < 0 {
			assert.EqualError(t, err, "--run: 5f6c00 is the beginning of the IDs of several runs: 5f6c0001, 5f6c0002")
			continue
		}
		require.NoError(t, err)
		assert.Len(t, runs, want, arg)
	}
}

func TestLeavesObjects_KeptOrNotRemoved(t *testing.T) {
	assert.False(t, leavesObjects(options.Values{}, result.Result{}))
	assert.True(t, leavesObjects(options.Values{Keep: true}, result.Result{}))
	assert.True(t, leavesObjects(options.Values{}, result.Result{NotRemoved: "claim stig-pvc"}))
}
