package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/driver"
	"github.com/volume-durability/volume-durability/tests/csi/loop"
	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
	"github.com/volume-durability/volume-durability/tests/gluster"
)

// requireMounts skips a test that cannot mount.
func requireMounts(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("mounting filesystems and attaching loop devices takes Linux and root")
	}
	for _, kind := range backend.Kinds() {
		if kind.Mkfs != nil {
			requireProgram(t, kind.Mkfs[0])
		}
	}
	requireProgram(t, gluster.Server)
	for _, name := range backend.FUSEPrograms() {
		requireProgram(t, name)
	}
}

// parameters returns the parameters of a class. Most kinds need only their name.
func parameters(kind backend.Kind) map[string]string {
	p := map[string]string{backend.BackendParameter: kind.Name}
	switch kind.Name {
	case "faulty":
		maps.Copy(p, map[string]string{"fault": "lose-synced:last-bytes=1", "at": "unstage"})
	case backend.FUSE:
		p[backend.ProgramParameter] = "bindfs"
	}
	return p
}

// TestDriver_PassesSanity runs the conformance suite of CSI on every backend, mounted and as a
// block device. A process can run the suite only once.
func TestDriver_PassesSanity(t *testing.T) {
	requireMounts(t)
	dir := folder(t)
	socket := serve(t, dir)
	for _, kind := range backend.Kinds() {
		if kind.NeedsMachines() {
			continue // see tests/e2e/machines_test.go
		}
		if kind.HasFilesystem() {
			suite(kind, "mount", socket, filepath.Join(dir, kind.Name+"-mount"))
		}
		if kind.Block {
			suite(kind, "block", socket, filepath.Join(dir, kind.Name+"-block"))
		}
	}
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "the storage interface's own suite")
	requireNothingLeft(t, dir)
}

func suite(kind backend.Kind, access, socket, dir string) {
	config := sanity.NewTestConfig()
	config.Address = "unix://" + socket
	config.TargetPath, config.StagingPath = dir+"-target", dir+"-staging"
	config.TestVolumeSize = 320 << 20
	config.TestVolumeAccessType = access
	config.TestVolumeParameters = parameters(kind)
	ginkgo.Describe(kind.Name+" as "+access, func() { sanity.GinkgoTest(&config) })
}

// serve serves a driver with one node on a socket until the test ends.
func serve(t *testing.T, dir string) string {
	t.Helper()
	log := logrus.New()
	log.SetLevel(logrus.ErrorLevel)
	volumes, err := store.New(filepath.Join(dir, "volumes"))
	require.NoError(t, err)
	storage := startGluster(t, dir)
	host := backend.NewHost(log, storage, "")
	socket := filepath.Join(dir, "csi.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- driver.Serve(ctx, log, map[string]driver.Services{socket: {
			Controller: &driver.Controller{Store: volumes, Nodes: []string{"n1"}, Gluster: storage},
			Node:       &driver.Node{Store: volumes, Host: host, Name: "n1"},
		}})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, host.Close())
	})
	require.Eventually(t, func() bool { _, err := os.Stat(socket); return err == nil }, time.Minute, time.Millisecond)
	return socket
}

// folder returns a folder below which nothing stays mounted or attached after the test, even
// if it fails.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		all, err := mounts.Table()
		require.NoError(t, err)
		for _, m := range slices.Backward(all) {
			if strings.HasPrefix(m.Point, dir+"/") {
				require.NoError(t, mounts.Unmount(m.Point))
			}
		}
		images, err := filepath.Glob(filepath.Join(dir, "*", "*", "image"))
		require.NoError(t, err)
		for _, image := range images {
			require.NoError(t, loop.Detach(context.Background(), image))
		}
	})
	return dir
}

func requireNothingLeft(t *testing.T, dir string) {
	t.Helper()
	all, err := mounts.Table()
	require.NoError(t, err)
	for _, m := range all {
		require.NotContains(t, m.Point, dir)
	}
	images, err := filepath.Glob(filepath.Join(dir, "*", "*", "image"))
	require.NoError(t, err)
	for _, image := range images {
		device, err := loop.Find(image)
		require.NoError(t, err)
		require.Empty(t, device)
	}
}
