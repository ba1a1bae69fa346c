//go:build linux

package volume

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestCreateNeverTouchesAFileThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	require.NoError(t, os.WriteFile(path, []byte("somebody's data"), 0o600))
	_, err := Create(path)
	require.ErrorIs(t, err, fs.ErrExist)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "somebody's data", string(content))
}

func TestAppendGoesOnAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	for _, line := range []string{"one\n", "two\n"} {
		f, err := OpenAppend(path)
		require.NoError(t, err)
		_, err = f.Write([]byte(line))
		require.NoError(t, err)
		require.NoError(t, f.Datasync())
		require.NoError(t, f.Close())
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", string(content))
}

func TestAppendOfADirectoryFails(t *testing.T) {
	_, err := OpenAppend(t.TempDir())
	assert.Error(t, err)
}

const table = `22 28 0:21 / /proc rw,nosuid - proc proc rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
40 28 0:50 /vol\0401 /data rw,relatime - nfs4 server:/export rw
41 28 0:51 / /data rw,relatime - tmpfs tmpfs rw
42 28 0:52 / /database rw - xfs /dev/sdb rw
a broken line
`

func TestTheMountOfAPathIsTheDeepestAndTheLast(t *testing.T) {
	for path, want := range map[string]protocol.Mount{
		"/data/logs.log":     {Point: "/data", Root: "/", FSType: "tmpfs", Source: "tmpfs", Device: "0:51"},
		"/database/logs.log": {Point: "/database", Root: "/", FSType: "xfs", Source: "/dev/sdb", Device: "0:52"},
		"/other":             {Point: "/", Root: "/", FSType: "ext4", Source: "/dev/root", Device: "254:0"},
	} {
		mount, found := mountOf(path, table)
		assert.True(t, found)
		assert.Equal(t, want, mount, path)
	}
	escaped, ok := parseMount(`40 28 0:50 /vol\0401 /data rw,relatime - nfs4 server:/export rw`)
	assert.True(t, ok)
	assert.Equal(t, "/vol 1", escaped.Root)
}

func TestTheRealMountTableIsUnderstood(t *testing.T) {
	mount, err := MountOf("/proc/none")
	require.NoError(t, err)
	assert.Equal(t, "proc", mount.FSType)
	_, err = MountOf("/no/such/folder/file")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
