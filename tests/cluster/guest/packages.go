package guest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// packages are the Debian packages that a guest needs. They are unpacked into a folder and
// not installed: the NFS server would start on this machine.
var packages = []string{
	"user-mode-linux", "drbd-utils", "kmod", "nfs-common", "nfs-kernel-server", "open-iscsi", "openssh-server", "rpcbind",
}

// ProgramStartFile is the file of a guest with the shortest time in which a program started and ended, in the format of
// time.Duration.
const ProgramStartFile = "/run/program-start"

// ErrUnavailable reports that this machine cannot have guests.
var ErrUnavailable = errors.New("machines of their own are not available here")

// Packages are the unpacked packages of guests.
type Packages struct {
	// Dir is the folder that a guest sees above the files of this machine.
	Dir string
	// Kernel is the program that is the guest's kernel.
	Kernel string
	// Preload is the library for LD_PRELOAD of that program; empty if it needs none.
	Preload string
}

// versionsFile is where the unpacked packages have a list of their versions.
const versionsFile = "usr/share/guest-packages"

// Version returns the version of a package, "" if it is not among the packages.
func (p Packages) Version(name string) string {
	versions, _ := os.ReadFile(filepath.Join(p.Dir, versionsFile)) // unpacked by an earlier version of this package
	for line := range strings.Lines(string(versions)) {
		if found, version, _ := strings.Cut(strings.TrimSpace(line), " "); found == name {
			return version
		}
	}
	return ""
}

// Fetch returns the packages in a cache folder, and others that are needed too. It downloads and unpacks them once,
// also if several processes call it at the same time.
func Fetch(ctx context.Context, log logrus.FieldLogger, cache string, others ...string) (Packages, error) {
	all := slices.Concat(packages, others)
	sum := sha256.Sum256([]byte(strings.Join(all, " ")))
	dir := filepath.Join(cache, fmt.Sprintf("guest-packages-%x", sum[:8]))
	p := Packages{Dir: dir, Kernel: filepath.Join(dir, "usr", "bin", "linux.uml")}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return p, err
	}
	err := locked(ctx, filepath.Join(cache, "guest-packages.lock"), func() (err error) {
		if p.Preload, err = ptraceLibrary(ctx, cache); err != nil {
			return err
		}
		if _, err := os.Stat(p.Kernel); err == nil {
			return nil
		}
		return fetch(ctx, log, cache, dir, all)
	})
	return p, err
}

// locked calls do while no other process has the lock of a file. The file stays.
func locked(ctx context.Context, file string, do func() error) error {
	lock, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	take := func(context.Context) (bool, error) {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return false, nil
		}
		return err == nil, err
	}
	if err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, take); err != nil {
		return fmt.Errorf("locking %s: %w", file, err)
	}
	return do()
}

// fetch downloads packages and unpacks them into a folder.
func fetch(ctx context.Context, log logrus.FieldLogger, cache, dir string, packages []string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w: they need the Debian package user-mode-linux, and there is no apt-get", ErrUnavailable)
	}
	log.WithField("packages", packages).Info("Downloading the packages of machines of their own")
	work, err := os.MkdirTemp(cache, "guest-packages-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := download(ctx, work, packages); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	unpacked := filepath.Join(work, "root")
	if err := unpackAll(ctx, work, unpacked); err != nil {
		return err
	}
	return os.Rename(unpacked, dir)
}

// download downloads the packages, and what they depend on as far as this machine lacks it.
func download(ctx context.Context, dir string, packages []string) error {
	if err := os.MkdirAll(filepath.Join(dir, "partial"), 0o755); err != nil {
		return err
	}
	get := append([]string{
		"install", "-y", "--no-install-recommends", "--download-only", "--reinstall",
		"-o", "Dir::Cache::archives=" + dir, "-o", "APT::Sandbox::User=root",
	}, packages...)
	for _, args := range [][]string{{"update"}, get} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, output)
		}
	}
	return nil
}

func unpackAll(ctx context.Context, from, to string) error {
	archives, err := filepath.Glob(filepath.Join(from, "*.deb"))
	if err != nil {
		return err
	}
	for _, archive := range archives {
		if output, err := exec.CommandContext(ctx, "dpkg", "-x", archive, to).CombinedOutput(); err != nil {
			return fmt.Errorf("unpacking %s: %w: %s", filepath.Base(archive), err, output)
		}
	}
	if err := mergeUsr(to); err != nil {
		return err
	}
	return errors.Join(linkModules(to), listVersions(ctx, archives, to))
}

// listVersions writes the names and versions of packages to the folder that they are unpacked in.
func listVersions(ctx context.Context, archives []string, to string) error {
	var versions []byte
	for _, archive := range archives {
		show := exec.CommandContext(ctx, "dpkg-deb", "-W", "--showformat", `${Package} ${Version}\n`, archive)
		version, err := show.Output()
		if err != nil {
			return fmt.Errorf("reading the version of %s: %w", filepath.Base(archive), err)
		}
		versions = append(versions, version...)
	}
	return os.WriteFile(filepath.Join(to, versionsFile), versions, 0o644)
}

// mergeUsr moves what is in /bin, /sbin and /lib to /usr. Those are links on a current Debian,
// and a folder above a link would hide everything that the link leads to.
func mergeUsr(root string) error {
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		top := filepath.Join(root, name)
		if _, err := os.Lstat(top); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := move(top, filepath.Join(root, "usr", name)); err != nil {
			return fmt.Errorf("merging /%s into /usr: %w", name, err)
		}
		if err := os.RemoveAll(top); err != nil {
			return err
		}
	}
	return nil
}

// move moves the content of a folder into another one.
func move(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			err = move(source, target)
		} else {
			err = os.Rename(source, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// linkModules puts the kernel's modules where modprobe looks for them.
func linkModules(root string) error {
	dirs, err := filepath.Glob(filepath.Join(root, "usr", "lib", "uml", "modules", "*"))
	if err != nil {
		return err
	}
	if len(dirs) == 0 {
		return errors.New("the package user-mode-linux has no kernel modules")
	}
	modules := filepath.Join(root, "usr", "lib", "modules")
	if err := os.MkdirAll(modules, 0o755); err != nil {
		return err
	}
	for _, dir := range dirs {
		target := strings.TrimPrefix(dir, root)
		if err := os.Symlink(target, filepath.Join(modules, filepath.Base(dir))); err != nil {
			return err
		}
	}
	return nil
}
