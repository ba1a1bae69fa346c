package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/gluster"
)

// startGluster has two servers keep a volume below a folder until the test is over.
func startGluster(t *testing.T, dir string) backend.Gluster {
	t.Helper()
	g := gluster.Volume{Folder: filepath.Join(dir, "gluster"), Addresses: []string{"127.0.0.2", "127.0.0.3"}, Port: freePort(t, "127.0.0.2")}
	require.NoError(t, g.Lay())
	for i, address := range g.Addresses {
		server := exec.Command(gluster.Server, g.ServerArgs(i)...)
		require.NoError(t, server.Start())
		t.Cleanup(func() {
			require.NoError(t, server.Process.Kill())
			_ = server.Wait() // it was killed
		})
		require.Eventually(t, func() bool { return answers(net.JoinHostPort(address, strconv.Itoa(g.Port))) }, time.Minute, time.Millisecond)
	}
	return backend.Gluster{ClientFile: g.ClientFile()}
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
