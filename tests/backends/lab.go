package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/cluster/binary"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
	"github.com/volume-durability/volume-durability/tests/cluster/guest/agent"
	clustermachine "github.com/volume-durability/volume-durability/tests/cluster/machine"
	"github.com/volume-durability/volume-durability/tests/cluster/pki"
)

// The names and addresses differ from those of the test cluster, which may be up.
const (
	labBridge  = "vdbb0"
	labTaps    = "vdbb"
	labAddress = "10.216.0.1"
	labDir     = "/var/lib/volume-durability-backends"
)

// labPackages are the packages that machines have besides those of the test cluster.
var labPackages = []string{
	"btrfs-progs", "dmsetup", "nbd-client", "nbd-server", "nfs-ganesha-vfs", "tgt", "xfsprogs",
}

// lab is what all machines share.
type lab struct {
	program, init string
	packages      guest.Packages
	authority     *pki.Authority
	operator      pki.Pair
	// trials counts the trials, which have addresses of their own.
	trials atomic.Int32
	lock   *os.File
}

// newLab makes a network for machines. It first removes what an earlier measurement left. It returns
// guest.ErrUnavailable if this computer cannot have machines.
func newLab(ctx context.Context) (_ *lab, err error) {
	log := logrus.New()
	cache, err := binary.NewCache(log)
	if err != nil {
		return nil, err
	}
	l := &lab{program: filepath.Join(labDir, "volume-durability")}
	if l.packages, err = guest.Fetch(ctx, log, cache.Dir, labPackages...); err != nil {
		return nil, err
	}
	if err := l.acquire(cache.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close(ctx))
		}
	}()
	if err := clearLab(ctx); err != nil {
		return nil, fmt.Errorf("removing an earlier measurement: %w", err)
	}
	init := binary.GuestInit(filepath.Join("..", "cluster"))
	built, err := cache.Build(ctx, []binary.Source{init})
	if err != nil {
		return nil, err
	}
	l.init = built[init.Name]
	return l, l.prepare(ctx)
}

// acquire makes sure that only one measurement has machines. It locks a folder that is always the same.
func (l *lab) acquire(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("another measurement of backends runs: %w", err), folder.Close())
	}
	l.lock = folder
	return nil
}

// prepare makes the program, the certificates and the bridge.
func (l *lab) prepare(ctx context.Context) error {
	if err := os.MkdirAll(labDir, 0o755); err != nil {
		return err
	}
	if _, err := buildProgram(ctx, labDir); err != nil {
		return err
	}
	var err error
	if l.authority, err = pki.NewAuthority(labDir, "ca"); err != nil {
		return err
	}
	if l.operator, err = l.authority.Client("operator", agent.User); err != nil {
		return err
	}
	return clustermachine.AddBridge(ctx, labBridge, []string{labAddress + "/16"})
}

// close removes everything.
func (l *lab) close(ctx context.Context) error {
	return errors.Join(clearLab(context.WithoutCancel(ctx)), l.lock.Close())
}

// clearLab ends all machines and removes their network and files.
func clearLab(ctx context.Context) error {
	taps, err := filepath.Glob("/sys/class/net/" + labTaps + "[0-9]*-*")
	failures := []error{err, guest.KillUsers(ctx, labDir)}
	for _, tap := range taps {
		failures = append(failures, guest.RemoveTap(ctx, filepath.Base(tap)))
	}
	return errors.Join(append(failures, clustermachine.RemoveBridge(ctx, labBridge), os.RemoveAll(labDir))...)
}

// version returns the version of a package on the machines, which also see the packages of this computer.
func (l *lab) version(ctx context.Context, name string) string {
	if found := l.packages.Version(name); found != "" {
		return found
	}
	return version(ctx, name)
}

// modules returns the folder of the modules of the machines' kernel.
func (l *lab) modules() string {
	dirs, _ := filepath.Glob(filepath.Join(l.packages.Dir, "usr", "lib", "uml", "modules", "*")) // the pattern is valid
	return slices.Max(append(dirs, ""))
}

// kernel returns the version of the kernel of the machines.
func (l *lab) kernel() string { return filepath.Base(l.modules()) }

// check returns an error if the kernel of the machines lacks a module.
func (l *lab) check(modules []string) error {
	list, err := os.ReadFile(filepath.Join(l.modules(), "modules.dep"))
	if err != nil {
		return err
	}
	for _, name := range modules {
		if !strings.Contains(string(list), "/"+name+".ko:") {
			return fmt.Errorf("the kernel %s has no module %s", l.kernel(), name)
		}
	}
	return nil
}
