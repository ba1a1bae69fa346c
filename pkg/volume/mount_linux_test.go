package volume

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const mountTable = `22 28 0:21 / /proc rw,nosuid - proc proc rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
40 28 0:50 /vol\0401 /data rw,relatime - nfs4 server:/export rw
41 28 0:51 / /data rw,relatime - tmpfs tmpfs rw
42 28 0:52 / /database rw - xfs /dev/sdb rw,noquota
43 28 0:50 /vol\0401 /with\040space rw,relatime - nfs4 server:/export rw
`

func TestDeepest_IsTheLastMountOfTheLongestMountPoint(t *testing.T) {
	for path, want := range map[string]protocol.Mount{
		"/data/logs.log": {
			Point: "/data", Root: "/", FSType: "tmpfs", Source: "tmpfs", Device: "0:51",
			Options: "rw,relatime", SuperOptions: "rw",
		},
		"/database/logs.log": {
			Point: "/database", Root: "/", FSType: "xfs", Source: "/dev/sdb", Device: "0:52", Options: "rw",
			SuperOptions: "rw,noquota",
		},
		"/with space/logs.log": {
			Point: "/with space", Root: "/vol 1", FSType: "nfs4", Source: "server:/export", Device: "0:50",
			Options: "rw,relatime", SuperOptions: "rw",
		},
		"/other": {
			Point: "/", Root: "/", FSType: "ext4", Source: "/dev/root", Device: "254:0",
			Options: "rw,relatime", SuperOptions: "rw",
		},
	} {
		mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(mountTable), mountinfo.ParentsFilter(path))
		require.NoError(t, err)
		info := deepest(mounts)
		require.NotNil(t, info, path)
		assert.Equal(t, want, mountFrom(info), path)
	}
	assert.Nil(t, deepest(nil))
}

func TestMountOf_ReadsTheMountTableOfTheProcess(t *testing.T) {
	mount, err := MountOf("/proc/none")
	require.NoError(t, err)
	assert.Equal(t, "proc", mount.FSType)
	_, err = MountOf("/no/such/folder/file")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// The journal may be on another filesystem than the link that leads to it.
func TestMountOf_FollowsALinkToTheJournal(t *testing.T) {
	link := filepath.Join(t.TempDir(), "logs.log")
	require.NoError(t, os.Symlink("/proc/version", link))
	mount, err := MountOf(link)
	require.NoError(t, err)
	assert.Equal(t, "/proc", mount.Point)
}

func TestResolve_FallsBackToWhatCanBeResolved(t *testing.T) {
	const file = "/link/logs.log"
	resolved := map[string]string{file: "/real/file", "/link": "/real"}
	for name, c := range map[string]struct {
		fails map[string]error
		want  string
		err   error
	}{
		"all resolve":         {want: "/real/file"},
		"no file":             {map[string]error{file: fs.ErrNotExist}, "/real/logs.log", nil},
		"a stale file":        {map[string]error{file: syscall.ESTALE}, "/real/logs.log", nil},
		"no folder":           {map[string]error{file: fs.ErrNotExist, "/link": fs.ErrNotExist}, "", fs.ErrNotExist},
		"a stale folder":      {map[string]error{file: syscall.ESTALE, "/link": syscall.ESTALE}, file, nil},
		"a folder that fails": {map[string]error{file: syscall.EIO, "/link": syscall.EIO}, file, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resolve(file, func(path string) (string, error) { return resolved[path], c.fails[path] })
			assert.Equal(t, c.want, got)
			assert.ErrorIs(t, err, c.err)
		})
	}
}

func TestMountOf_ARelativePathHasTheSameMount(t *testing.T) {
	want, err := MountOf("/proc/version")
	require.NoError(t, err)
	t.Chdir("/proc")
	got, err := MountOf("version")
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, "/proc", got.Point)
}
