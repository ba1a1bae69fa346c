package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/gluster"
)

// startGluster starts two servers that keep a volume below a folder until the test ends.
func startGluster(t *testing.T, dir string) backend.Gluster {
	t.Helper()
	g := volumeOf(t, dir)
	require.NoError(t, g.Write())
	for i := range g.Addresses {
		startServer(t, g, i)
	}
	return backend.Gluster{ClientFile: g.ClientFile()}
}

// startServer starts one server, and returns a function that kills it before the test ends.
func startServer(t *testing.T, g gluster.Volume, server int) (kill func()) {
	t.Helper()
	kill = startProgram(t, gluster.Server, g.ServerArgs(server))
	address := net.JoinHostPort(g.Addresses[server], strconv.Itoa(g.Port))
	require.Eventually(t, func() bool { return answers(address) }, time.Minute, time.Millisecond)
	return kill
}

func startProgram(t *testing.T, name string, args []string) (kill func()) {
	t.Helper()
	program := exec.Command(name, args...)
	require.NoError(t, program.Start())
	kill = sync.OnceFunc(func() {
		require.NoError(t, program.Process.Kill())
		_ = program.Wait() // it was killed
	})
	t.Cleanup(kill)
	return kill
}

func volumeOf(t *testing.T, dir string) gluster.Volume {
	t.Helper()
	v := gluster.Volume{Folder: filepath.Join(dir, "gluster"), Port: freePort(t, "127.0.0.2")}
	v.Addresses = []string{"127.0.0.2", "127.0.0.3"}
	return v
}

func TestNodeStageVolume_MountsGlusterAgainAfterItsClientEnded(t *testing.T) {
	c := newCluster(t)
	v := c.create(parameters(kind(t, "gluster")), once)
	c.use(v, "n1", once, func(path string) {
		writeSynced(t, filepath.Join(path, "file"), "kept")
		staging := filepath.Join(c.dir, "n1", "staging", v.VolumeId)
		killClient(t, filepath.Join(c.dir, "volumes", v.VolumeId), staging)
		c.stage(v, "n1", staging)
		content, err := os.ReadFile(filepath.Join(staging, "file"))
		require.NoError(t, err)
		assert.Equal(t, "kept", string(content))
	})
}

// killClient kills the client that logs to a volume's folder, and returns once the
// path that it served is disconnected.
func killClient(t *testing.T, folder, path string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(content), "="+folder+"/") {
			continue // it has ended, or is another
		}
		kill(t, filepath.Base(filepath.Dir(file)))
	}
	requireDisconnected(t, path)
}

// kill kills a process.
func kill(t *testing.T, pid string) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.NoError(t, unix.Kill(number, unix.SIGKILL))
}

// requireDisconnected waits until the path has no process that serves it.
func requireDisconnected(t *testing.T, path string) {
	t.Helper()
	require.Eventually(t, func() bool { return mounts.IsDisconnected(path) }, time.Minute, time.Millisecond)
}

// A node that mounts the volume while one server is down finds what was written to
// both servers. What it writes is on both servers once the other one is back.
func TestGluster_HealsAReplicaThatWasDown(t *testing.T) {
	requireMounts(t)
	dir := folder(t)
	g := volumeOf(t, dir)
	require.NoError(t, g.Write())
	startServer(t, g, 0)
	kill := startServer(t, g, 1)
	startProgram(t, gluster.Client, g.HealerArgs())
	c := clusterOn(t, dir, backend.Gluster{ClientFile: g.ClientFile()})
	v := c.create(parameters(kind(t, "gluster")), once)
	c.use(v, "n1", once, func(path string) { writeSynced(t, filepath.Join(path, "first"), "kept") })
	kill()
	c.use(v, "n2", once, func(path string) {
		content, err := os.ReadFile(filepath.Join(path, "first"))
		require.NoError(t, err)
		assert.Equal(t, "kept", string(content))
		writeSynced(t, filepath.Join(path, "second"), "kept too")
	})
	second := filepath.Join(g.Brick(1), v.VolumeId, "second")
	require.NoFileExists(t, second)
	startServer(t, g, 1)
	requireHealed(t, second, "kept too")
}

// A server that was down when a volume was made has no folder of it until it is
// healed. A node that has the volume mounted meanwhile keeps it.
func TestGluster_KeepsAVolumeMountedThatAServerDoesNotHaveYet(t *testing.T) {
	requireMounts(t)
	dir := folder(t)
	g := volumeOf(t, dir)
	require.NoError(t, g.Write())
	startServer(t, g, 0)
	c := clusterOn(t, dir, backend.Gluster{ClientFile: g.ClientFile()})
	v := c.create(parameters(kind(t, "gluster")), once)
	c.use(v, "n1", once, func(path string) {
		startServer(t, g, 1)
		require.Eventually(t, func() bool { return hasClient(t, g, 1) }, time.Minute, time.Millisecond)
		startProgram(t, gluster.Client, g.HealerArgs())
		onServer := func() bool { _, err := os.Stat(filepath.Join(g.Brick(1), v.VolumeId)); return err == nil }
		require.Eventually(t, onServer, time.Minute, time.Millisecond)
		writeSynced(t, filepath.Join(path, "file"), "kept")
		requireHealed(t, filepath.Join(g.Brick(1), v.VolumeId, "file"), "kept")
	})
}

// requireHealed waits until a server has what was written.
func requireHealed(t *testing.T, path, want string) {
	t.Helper()
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(path)
		return err == nil && string(content) == want
	}, time.Minute, 10*time.Millisecond)
}

// hasClient reports whether a client is connected to a server.
func hasClient(t *testing.T, g gluster.Volume, server int) bool {
	t.Helper()
	content, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	address := net.ParseIP(g.Addresses[server]).To4()
	slices.Reverse(address)
	// proc_pid_net(5): the remote address, backwards, and the state "established".
	return strings.Contains(string(content), fmt.Sprintf(" %X:%04X 01 ", []byte(address), g.Port))
}

func freePort(t *testing.T, address string) int {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func answers(address string) bool {
	connection, err := net.Dial("tcp", address)
	return err == nil && connection.Close() == nil
}
