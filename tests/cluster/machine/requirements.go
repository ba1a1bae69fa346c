// Package machine prepares the Linux machine that the test cluster runs on. It checks
// and installs what the machine needs, and makes and removes everything that a cluster
// has outside of its own folder.
package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/volume-durability/volume-durability/tests/gluster"
)

// Tools are what the machine brings along, as paths.
type Tools struct {
	Containerd, Ctr, Runc, Busybox string
	// GlusterServer and GlusterClient are the two programs of GlusterFS.
	GlusterServer, GlusterClient string
	// CNI is the folder of the network plugins.
	CNI string
}

// packages are the packages of Debian and Ubuntu that the cluster always needs.
var packages = []string{
	"containernetworking-plugins", "busybox-static", "iproute2", "ca-certificates", "mount",
	"e2fsprogs", "xfsprogs", "btrfs-progs", "glusterfs-server", "glusterfs-client",
}

// runtimePackages are the machine's own container runtime, compilerPackages what runc
// is built with.
var (
	runtimePackages  = []string{"containerd", "runc"}
	compilerPackages = []string{"gcc", "libc6-dev", "libseccomp-dev", "pkg-config"}
)

// testPrograms are the programs that only tests need, and their packages.
var testPrograms = map[string]string{
	"archivemount": "archivemount", "ssh": "openssh-client", "sshd": "openssh-server", "tmux": "tmux",
}

// FUSEPrograms returns the names of the programs, and of their packages, that serve the FUSE volumes of the storage
// driver.
func FUSEPrograms() []string { return []string{"bindfs", "fuse-zip", "gocryptfs"} }

// ErrUnsupported reports that the test cluster cannot run on this machine.
var ErrUnsupported = errors.New("the test cluster cannot run here")

const instead = "Or use an existing cluster: KUBECONFIG=… make demo (see tests/cluster/README.md)"

// Require returns the tools, and installs missing ones if it can. With runtimeToo they
// include a container runtime, otherwise what a container runtime is built with.
func Require(ctx context.Context, log logrus.FieldLogger, runtimeToo bool) (Tools, error) {
	if runtime.GOOS != "linux" {
		return Tools{}, fmt.Errorf("%w: it needs Linux, this is %s. %s", ErrUnsupported, runtime.GOOS, instead)
	}
	if os.Geteuid() != 0 {
		return Tools{}, fmt.Errorf("%w: it needs root, for containers, mounts and a network bridge. Run it as root. %s", ErrUnsupported, instead)
	}
	tools, missing := find(runtimeToo)
	if len(missing) == 0 {
		return tools, nil
	}
	wanted := compilerPackages
	if runtimeToo {
		wanted = runtimePackages
	}
	if err := install(ctx, log, slices.Concat(packages, FUSEPrograms(), wanted), missing); err != nil {
		return Tools{}, err
	}
	tools, missing = find(runtimeToo)
	if len(missing) > 0 {
		return Tools{}, fmt.Errorf("%w: still missing after the installation: %s",
			ErrUnsupported, strings.Join(missing, ", "))
	}
	return tools, nil
}

// InstallForTests installs the programs that only tests need, if apt-get can. A test whose
// program is missing is skipped. With systemd, it does not install an SSH server: systemd
// would start the server at once.
func InstallForTests(ctx context.Context, log logrus.FieldLogger) error {
	_, noPackages := exec.LookPath("apt-get")
	_, noSystemd := os.Stat("/run/systemd/system")
	var missing, wanted []string
	for program, pkg := range testPrograms {
		_, err := exec.LookPath(program)
		if err != nil && (program != "sshd" || noSystemd != nil) {
			missing, wanted = append(missing, program), append(wanted, pkg)
		}
	}
	if noPackages != nil || len(missing) == 0 {
		return nil
	}
	return install(ctx, log, wanted, missing)
}

func find(runtimeToo bool) (Tools, []string) {
	var missing []string
	look := func(name string) string {
		path, err := exec.LookPath(name)
		if err != nil {
			missing = append(missing, name)
		}
		return path
	}
	tools := Tools{Busybox: look("busybox"), GlusterServer: look(gluster.Server), GlusterClient: look(gluster.Client)}
	if runtimeToo {
		tools.Containerd, tools.Ctr, tools.Runc = look("containerd"), look("ctr"), look("runc")
	} else if look("gcc"); exec.Command(look("pkg-config"), "--exists", "libseccomp").Run() != nil {
		missing = append(missing, "libseccomp")
	}
	programs := []string{"ip", "mount", "losetup", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs"}
	for _, name := range append(programs, FUSEPrograms()...) {
		look(name)
	}
	for _, dir := range []string{"/usr/lib/cni", "/opt/cni/bin"} {
		if _, err := os.Stat(filepath.Join(dir, "bridge")); err == nil {
			tools.CNI = dir
			return tools, missing
		}
	}
	return tools, append(missing, "the CNI plugins")
}

func install(ctx context.Context, log logrus.FieldLogger, packages, missing []string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w: missing: %s. Install them: a C compiler and libseccomp, or containerd and runc, the CNI plugins, a static busybox, iproute2, GlusterFS, bindfs, fuse-zip, gocryptfs, and the tools of ext4, xfs and btrfs. %s", ErrUnsupported, strings.Join(missing, ", "), instead)
	}
	log.WithField("packages", packages).Info("Installing what the machine lacks")
	installation := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"update"}, installation} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: apt-get %s: %w\n%s", ErrUnsupported, args[0], err, output)
		}
	}
	return nil
}

// Applets returns the names of the applets of a busybox.
func (t Tools) Applets(ctx context.Context) ([]string, error) {
	output, err := exec.CommandContext(ctx, t.Busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("listing busybox's applets: %w", err)
	}
	return strings.Fields(string(output)), nil
}
