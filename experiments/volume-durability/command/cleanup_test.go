package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/orphans"
)

func TestWhatALiveRunHasMadeStays(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	here, err := task{id: "alive-here"}.present()
	require.NoError(t, err)
	defer here.remove()
	folder, err := cards()
	require.NoError(t, err)
	const tooLarge = 1 << 30 // no system gives a process such a number
	require.NoError(t, os.WriteFile(filepath.Join(folder, "dead-here"), []byte(strconv.Itoa(tooLarge)), 0o600))

	now := time.Now()
	ago := func(age time.Duration) []orphans.Object {
		return []orphans.Object{{Kind: "pod", Created: now.Add(-48 * time.Hour)}, {Kind: "claim", Created: now.Add(-age)}}
	}
	mine := hostLabel()
	all := []orphans.Run{
		{ID: "engine-alive", State: orphans.Running, Objects: ago(48 * time.Hour)},
		{ID: "engine-dead", State: orphans.Ended, Objects: ago(time.Second)},
		{ID: "engine-dead-kept", State: orphans.Ended, Kept: true, Objects: ago(48 * time.Hour)},
		{ID: "alive-here", State: orphans.Unknown, Host: mine, Objects: ago(48 * time.Hour)},
		{ID: "dead-here", State: orphans.Unknown, Host: mine, Objects: ago(time.Second)},
		{ID: "alive-here", State: orphans.Unknown, Host: "another", Objects: ago(time.Second)},
		{ID: "young-elsewhere", State: orphans.Unknown, Host: "another", Objects: ago(time.Hour)},
		{ID: "old-elsewhere", State: orphans.Unknown, Host: "another", Objects: ago(25 * time.Hour)},
		{ID: "../dead-here", State: orphans.Unknown, Host: mine, Objects: ago(time.Second)},
	}
	u := &cleanupCommand{olderThan: 24 * time.Hour}
	runs, any := u.decide(all, now)
	assert.True(t, any)
	var removed []string
	for _, r := range runs {
		assert.NotEmpty(t, r.ID)
		if r.Remove {
			removed = append(removed, r.ID)
		}
	}
	assert.Equal(t, []string{"engine-dead", "dead-here", "old-elsewhere"}, removed)

	u.run = "engine-dead-kept"
	runs, _ = u.decide(all[2:3], now)
	assert.True(t, runs[0].Remove, "it was named")

	require.NoError(t, forget("dead-here"))
	l, _ := lifeOf("dead-here")
	assert.Equal(t, unknownHere, l)
}

func TestAnIDOfNoRunIsNotTakenForACleanCluster(t *testing.T) {
	for run, says := range map[string]string{"": "No run has left anything.", "5f6c": "nothing of a run 5f6c: --run wants the whole id"} {
		var out bytes.Buffer
		require.NoError(t, (&cleanupCommand{streams: Streams{Out: &out}, run: run}).list(nil))
		assert.Contains(t, out.String(), says)
	}
}
