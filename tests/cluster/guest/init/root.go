package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

// mount is one call of mount(2).
type mount struct {
	source, target, kind, data string
	flags                      uintptr
}

func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mounting %s at %s: %w", m.kind, m.target, err)
	}
	return nil
}

func mountAll(mounts []mount) error {
	for _, m := range mounts {
		if err := m.do(); err != nil {
			return err
		}
	}
	return nil
}

// Folders in memory that the root filesystem is made of. /run exists on every machine.
const (
	packagesDir = "/run/packages"
	upperDir    = "/run/upper"
	workDir     = "/run/work"
	rootDir     = "/run/root"
)

// enterRoot makes a root filesystem that the guest can write to: the packages above the files
// of this machine, and memory above both. A folder inside of the lower filesystem cannot be
// a second lower folder, so the packages are a filesystem of their own.
func enterRoot(d guest.Description) error {
	memory := mount{"tmpfs", "/run", "tmpfs", "mode=755", 0}
	packages := mount{"none", packagesDir, "hostfs", d.Packages, unix.MS_RDONLY}
	if err := mountAll([]mount{memory, packages}); err != nil {
		return err
	}
	if err := loadModules(packagesDir, []string{"overlay"}); err != nil {
		return err
	}
	for _, dir := range []string{upperDir, workDir} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s:/,upperdir=%s,workdir=%s", packagesDir, upperDir, workDir)
	if err := (mount{"overlay", rootDir, "overlay", options, 0}).do(); err != nil {
		return err
	}
	old := rootDir + guest.MachineRoot
	if err := os.MkdirAll(old, 0o755); err != nil {
		return err
	}
	if err := unix.PivotRoot(rootDir, old); err != nil {
		return fmt.Errorf("changing the root filesystem: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := mountAll(systemMounts); err != nil {
		return err
	}
	// As systemd has it: mounts of a kubelet are to be seen in containers.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

var systemMounts = []mount{
	{"proc", "/proc", "proc", "", 0},
	{"sysfs", "/sys", "sysfs", "", 0},
	{"devtmpfs", "/dev", "devtmpfs", "", 0},
	{"devpts", "/dev/pts", "devpts", "ptmxmode=0666", 0},
	{"tmpfs", "/dev/shm", "tmpfs", "mode=1777", 0},
	{"tmpfs", "/run", "tmpfs", "mode=755", 0},
	{"tmpfs", "/tmp", "tmpfs", "mode=1777", 0},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", "", 0},
}

// mountStorage mounts the folders of this machine that the guest uses as they are, and its
// disk. The root filesystem does not show changes that are made to it from below.
func mountStorage(d guest.Description) error {
	mounts := []mount{{guest.MachineRoot + d.State, d.State, "", "", unix.MS_BIND}}
	for _, dir := range d.Shared {
		mounts = append(mounts, mount{"none", dir, "hostfs", dir, 0})
	}
	mounts = append(mounts, mount{"/dev/ubda", d.Disk, "ext4", "", 0})
	if err := mountAll(mounts); err != nil {
		return err
	}
	for _, dir := range d.Folders {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for target, dir := range d.Binds {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := (mount{dir, target, "", "", unix.MS_BIND}).do(); err != nil {
			return err
		}
	}
	return nil
}

func writeFiles(files map[string]string) error {
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
