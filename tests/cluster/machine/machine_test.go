package machine

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMountsAreUnmountedInReverseAndOnlyOurs(t *testing.T) {
	table := `22 28 0:21 / /state rw - tmpfs tmpfs rw
23 28 0:22 / /state/a rw - tmpfs tmpfs rw
24 28 0:23 / /statement rw - tmpfs tmpfs rw
25 28 0:24 / /state/a/b\040c rw - tmpfs tmpfs rw
`
	assert.Equal(t, []string{"/state/a/b c", "/state/a", "/state"}, mountsBelow("/state", table))
}

func TestOnlyLoopDevicesOverFilesOfTheClusterAreDetached(t *testing.T) {
	devices := t.TempDir()
	for name, file := range map[string]string{"loop0": "/state/volumes/a", "loop1": "/statement/a", "loop2": "/state/b (deleted)", "sda": "/state/c"} {
		write(t, filepath.Join(devices, name, "loop", "backing_file"), file+"\n")
	}
	require.NoError(t, os.MkdirAll(filepath.Join(devices, "loop3"), 0o755))
	loops, err := loopsBelow(devices, "/state")
	require.NoError(t, err)
	assert.Equal(t, []string{"loop0", "loop2"}, loops)
}

func TestALoopDeviceIsDetachedWithItsLastMount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("attaching a loop device takes root")
	}
	dir := t.TempDir()
	image := write(t, filepath.Join(dir, "image"), "")
	require.NoError(t, os.Truncate(image, 1<<20))
	output, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	require.NoError(t, err, string(output))
	loops, err := LoopsBelow(dir)
	require.NoError(t, err)
	require.Len(t, loops, 1)
	user, err := os.Open("/dev/" + loops[0])
	require.NoError(t, err)
	require.NoError(t, DetachLoops(loops))
	still, err := LoopsBelow(dir)
	require.NoError(t, err)
	assert.Equal(t, loops, still, "it is in use")
	require.NoError(t, user.Close())
	require.NoError(t, AwaitDetached(t.Context(), loops))
	require.NoError(t, DetachLoops(loops), "it is free already")
}

func TestABridgeGoesAlsoWhereItsPortsGoMeanwhile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making a bridge takes root")
	}
	const bridge, one, other = "vdtest0", "vdtest1", "vdtest2"
	require.NoError(t, AddBridge(t.Context(), bridge, nil))
	t.Cleanup(func() { assert.NoError(t, RemoveBridge(context.Background(), bridge)) })
	// With either end of a pair goes the other.
	require.NoError(t, run(t.Context(), "ip", "link", "add", one, "master", bridge, "type", "veth", "peer", "name", other))
	require.NoError(t, run(t.Context(), "ip", "link", "set", other, "master", bridge))
	require.NoError(t, RemoveBridge(t.Context(), bridge))
	for _, name := range []string{bridge, one, other} {
		assert.False(t, hasLink(name), name)
	}
}

func TestOnlyLinksIntoTheClusterAreRemoved(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/state/logs/a", filepath.Join(dir, "ours")))
	require.NoError(t, os.Symlink("/statement/a", filepath.Join(dir, "theirs")))
	require.NoError(t, removeLinks(dir, "/state"))
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(dir, "theirs")}, left)
}

func TestWhatTheMachineWasLikeIsRecordedOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traces.json")
	require.NoError(t, LookAround(file))
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(first, '\n'), 0o600))
	require.NoError(t, LookAround(file))
	second, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Len(t, second, len(first)+1, "the first record stays")
}

func TestRestoreWithoutARecordDoesNothing(t *testing.T) {
	assert.NoError(t, Restore(filepath.Join(t.TempDir(), "none"), "/state", "network"))
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestOnlyEmptyFoldersArePruned(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "ours", "a", "b"), 0o755))
	require.NoError(t, prune(filepath.Join(dir, "ours")))
	assert.NoDirExists(t, filepath.Join(dir, "ours"))

	kept := write(t, filepath.Join(dir, "shared", "a", "somebody's"), "x")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "shared", "b"), 0o755))
	require.NoError(t, prune(filepath.Join(dir, "shared")))
	assert.FileExists(t, kept)
	assert.NoDirExists(t, filepath.Join(dir, "shared", "b"))
	assert.NoError(t, prune(filepath.Join(dir, "none")))
}

func TestOnlyTheSocketsOfTheClustersShimsAreRemoved(t *testing.T) {
	state, sockets := t.TempDir(), t.TempDir()
	ours, theirs := write(t, filepath.Join(sockets, "ours"), ""), write(t, filepath.Join(sockets, "theirs"), "")
	tasks := filepath.Join(state, "n1", "state", "io.containerd.runtime.v2.task", "k8s.io")
	write(t, filepath.Join(tasks, "a", "address"), "unix://"+ours)
	write(t, filepath.Join(tasks, "b", "address"), "unix://"+filepath.Join(sockets, "gone"))
	newer := write(t, filepath.Join(sockets, "newer"), "")
	write(t, filepath.Join(tasks, "c", "bootstrap.json"), `{"version":3,"address":"unix://`+newer+`","protocol":"ttrpc"}`)
	require.NoError(t, removeShimSockets(state))
	assert.NoFileExists(t, ours)
	assert.NoFileExists(t, newer)
	assert.FileExists(t, theirs)
}

func TestOnlyTheRecordsOfTheClustersNetworkAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ours-1-eth0", "cni-loopback-1-lo", "theirs-2-eth0", "cni-loopback-2-lo"} {
		write(t, filepath.Join(dir, name), "")
	}
	require.NoError(t, removeNetworkRecords(dir, "ours"))
	left, err := fs.Glob(os.DirFS(dir), "*")
	require.NoError(t, err)
	assert.Equal(t, []string{"cni-loopback-2-lo", "theirs-2-eth0"}, left)
}

func TestOnlyWhatMatchesIsKilled(t *testing.T) {
	ours, theirs := exec.Command("sleep", "1000.25"), exec.Command("sleep", "1000.5")
	for _, cmd := range []*exec.Cmd{ours, theirs} {
		require.NoError(t, cmd.Start())
	}
	ended := make(chan error, 1)
	go func() { ended <- ours.Wait() }()
	require.NoError(t, Kill(t.Context(), func(pid int, args []string) bool {
		return pid == ours.Process.Pid && slices.Equal(args, []string{"sleep", "1000.25"})
	}))
	assert.ErrorContains(t, <-ended, "killed")
	pids, err := whoseArguments(func(pid int, _ []string) bool { return pid == theirs.Process.Pid })
	require.NoError(t, err)
	assert.Len(t, pids, 1, "the other goes on")
	require.NoError(t, theirs.Process.Kill())
	_ = theirs.Wait()
}
