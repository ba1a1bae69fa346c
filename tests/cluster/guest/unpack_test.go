package guest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func put(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
}

func TestMergeUsr_LeavesNoFolderAboveALinkOfTheMachine(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "sbin", "mount.nfs"))
	put(t, filepath.Join(root, "usr", "sbin", "exportfs"))
	put(t, filepath.Join(root, "lib", "modprobe.d", "a.conf"))
	require.NoError(t, mergeUsr(root))
	for _, file := range []string{"usr/sbin/mount.nfs", "usr/sbin/exportfs", "usr/lib/modprobe.d/a.conf"} {
		assert.FileExists(t, filepath.Join(root, file))
	}
	assert.NoDirExists(t, filepath.Join(root, "sbin"))
	assert.NoDirExists(t, filepath.Join(root, "lib"))
}

func TestLinkModules_PutsThemWhereModprobeLooks(t *testing.T) {
	root := t.TempDir()
	require.ErrorContains(t, linkModules(root), "no kernel modules")
	put(t, filepath.Join(root, "usr", "lib", "uml", "modules", "6.1", "modules.dep"))
	require.NoError(t, linkModules(root))
	target, err := os.Readlink(filepath.Join(root, "usr", "lib", "modules", "6.1"))
	require.NoError(t, err)
	assert.Equal(t, "/usr/lib/uml/modules/6.1", target)
}

// Two processes may add machines at the same time.
func TestLocked_ExcludesOtherProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	called := func() error { assert.Fail(t, "another process has the lock"); return nil }
	require.NoError(t, locked(ctx, file, func() error {
		require.ErrorIs(t, locked(ctx, file, called), context.DeadlineExceeded)
		return nil
	}))
	require.NoError(t, locked(t.Context(), file, func() error { return nil }))
}

// A process of a guest that outlives its kernel has no command line, but the disk is open. A guest that
// has just been started has not opened it yet.
func TestUsers_AreProcessesOfGuestsThatUseThePath(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, program, open string, args ...string) {
		dir := filepath.Join(proc, pid)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "fd"), 0o755))
		require.NoError(t, os.Symlink(program, filepath.Join(dir, "exe")))
		require.NoError(t, os.Symlink(open, filepath.Join(dir, "fd", "4")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cmdline"), []byte(strings.Join(args, "\x00")), 0o600))
	}
	process("10", "/cache/usr/bin/linux.uml", "/state/machines/m1/disk")
	process("11", "/cache/usr/bin/linux.uml (deleted)", "/state/machines/m2/disk")
	process("12", "/cache/usr/bin/linux.uml", "/other/disk")
	process("13", "/usr/bin/tar", "/state/machines/m1/disk")
	process("14", "/cache/usr/bin/linux.uml", "/dev/null", "linux.uml", "ubd0=/state/machines/m3/disk")
	all, err := users(proc, "/state")
	require.NoError(t, err)
	assert.Equal(t, []int{10, 11, 14}, all)
	one, err := users(proc, "/state/machines/m1/disk")
	require.NoError(t, err)
	assert.Equal(t, []int{10}, one)
}

func TestVersion_IsThatOfAPackageInTheList(t *testing.T) {
	p := Packages{Dir: t.TempDir()}
	assert.Empty(t, p.Version("tgt"), "unpacked without a list")
	put(t, filepath.Join(p.Dir, versionsFile))
	require.NoError(t, os.WriteFile(filepath.Join(p.Dir, versionsFile), []byte("tgt-glusterfs 2\ntgt 1:1.0.85\n"), 0o600))
	assert.Equal(t, "1:1.0.85", p.Version("tgt"))
	assert.Empty(t, p.Version("nfs-common"))
}

func TestKernel_SpreadsGuestsOverTheProcessors(t *testing.T) {
	assert.Equal(t, "taskset", Kernel(Packages{}, Hardware{Name: "m1"}).Path)
	numbered, unnumbered := map[int]bool{}, map[int]bool{}
	for i := range 10 {
		numbered[processorOf(fmt.Sprintf("m%d", i))] = true
	}
	for range 10 * runtime.NumCPU() * runtime.NumCPU() {
		unnumbered[processorOf("client")] = true
	}
	assert.Len(t, numbered, min(runtime.NumCPU(), 10))
	assert.Len(t, unnumbered, runtime.NumCPU())
}
