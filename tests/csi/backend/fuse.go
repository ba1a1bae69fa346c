package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

// fuseProgram is a program that serves a FUSE filesystem. In its commands, $DATA is the folder that keeps the data, and
// $POINT is the mount point.
type fuseProgram struct {
	Name string
	// Prepare prepares the folder once; nil if the program needs no preparation.
	Prepare []string
	// Mount mounts the filesystem for all users. It returns once that is done; its daemon stays in the background.
	Mount []string
}

func fusePrograms() []fuseProgram {
	return []fuseProgram{
		{Name: "bindfs", Mount: []string{"bindfs", "$DATA", "$POINT"}},
		{Name: "fuse-zip", Mount: []string{"fuse-zip", "-o", "allow_other", "$DATA/archive.zip", "$POINT"}},
		{
			Name:    "gocryptfs",
			Prepare: []string{"gocryptfs", "-q", "-init", "-scryptn", "10", "-extpass", "echo password", "$DATA"},
			Mount:   []string{"gocryptfs", "-q", "-allow_other", "-extpass", "echo password", "$DATA", "$POINT"},
		},
	}
}

// FUSEPrograms returns the names of the programs that a class of the kind FUSE may name.
func FUSEPrograms() []string {
	var names []string
	for _, p := range fusePrograms() {
		names = append(names, p.Name)
	}
	return names
}

func findFUSEProgram(name string) (fuseProgram, error) {
	all := fusePrograms()
	i := slices.IndexFunc(all, func(p fuseProgram) bool { return p.Name == name })
	if i < 0 {
		want := strings.Join(FUSEPrograms(), ", ")
		return fuseProgram{}, fmt.Errorf("parameter %q=%q: want one of %s", ProgramParameter, name, want)
	}
	return all[i], nil
}

// mountsAgain reports whether a mount whose daemon has died is mounted again when a pod needs the volume. Drivers that
// only look whether something is mounted do not do that.
func mountsAgain(parameters map[string]string) (bool, error) {
	again, err := strconv.ParseBool(or(parameters[RemountParameter], "true"))
	if err != nil {
		return false, fmt.Errorf("parameter %q=%q: want true or false", RemountParameter, parameters[RemountParameter])
	}
	return again, nil
}

// checkFUSE returns an error that contains every mistake in the parameters of a class.
func checkFUSE(parameters map[string]string) error {
	_, unknown := findFUSEProgram(parameters[ProgramParameter])
	_, invalid := mountsAgain(parameters)
	return errors.Join(unknown, invalid)
}

// stageFUSE mounts a volume. Its daemon is a process of its own: it outlives this process, and ends when it is
// unmounted.
func stageFUSE(ctx context.Context, v store.Volume, point string) error {
	again, err := mountsAgain(v.Parameters)
	if err != nil {
		return err
	}
	if again {
		if err := mounts.UnmountDisconnected(point); err != nil {
			return err
		}
	}
	mounted, err := mounts.At(point)
	if err != nil || mounted {
		return err
	}
	return serveFUSE(ctx, v, point)
}

// restoreFUSE mounts a staged volume again if its daemon has died. The kubelet does not stage a volume a second time
// while a pod on the node has it.
func restoreFUSE(ctx context.Context, v store.Volume, staged string) error {
	if !mounts.IsDisconnected(staged) {
		return nil
	}
	return stageFUSE(ctx, v, staged)
}

func serveFUSE(ctx context.Context, v store.Volume, point string) error {
	program, err := findFUSEProgram(v.Parameters[ProgramParameter])
	if err != nil {
		return err
	}
	if err := program.prepareOnce(ctx, v); err != nil {
		return fmt.Errorf("preparing the folder of volume %s: %w", v.ID, err)
	}
	command := withPaths(program.Mount, data(v), point)
	if err := mountInBackground(ctx, command, point, clientLog(v)); err != nil {
		return err
	}
	if err := recordDaemon(v, point); err != nil {
		// The caller tries again, and it must not find a mount then.
		return errors.Join(err, mounts.Unmount(point))
	}
	return nil
}

// recordDaemon writes the process ID of the daemon that serves a volume at a mount point.
func recordDaemon(v store.Volume, point string) error {
	pids, err := daemons(v, point)
	if err == nil && len(pids) != 1 {
		err = fmt.Errorf("volume %s has %d daemons at %s, want one", v.ID, len(pids), point)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(pidFile(v), []byte(strconv.Itoa(pids[0])), 0o600)
}

// withPaths returns a command of a fuseProgram with the paths that it names.
func withPaths(command []string, data, point string) []string {
	paths := strings.NewReplacer("$DATA", data, "$POINT", point)
	var args []string
	for _, arg := range command {
		args = append(args, paths.Replace(arg))
	}
	return args
}

// prepareOnce makes the folder that keeps the data of a volume, whole or not at all, unless it exists.
func (p fuseProgram) prepareOnce(ctx context.Context, v store.Volume) error {
	if _, err := os.Stat(data(v)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// An earlier attempt may have been interrupted.
	unfinished := data(v) + ".new"
	if err := errors.Join(os.RemoveAll(unfinished), os.Mkdir(unfinished, 0o755)); err != nil {
		return err
	}
	if command := withPaths(p.Prepare, unfinished, ""); len(command) > 0 {
		output, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, bytes.TrimSpace(output))
		}
	}
	if err := os.Rename(unfinished, data(v)); err != nil {
		return err
	}
	return syncFolder(v.Folder)
}

// unmountFUSE unmounts a volume and returns once its daemon has ended. Some daemons write data then.
func unmountFUSE(ctx context.Context, v store.Volume, point string) error {
	if err := mounts.Unmount(point); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, daemonPatience)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		pids, err := daemons(v, point)
		if err != nil || len(pids) == 0 {
			return err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("process %d has not ended since volume %s was unmounted: %w", pids[0], v.ID, ctx.Err())
		}
	}
}

// daemonPatience is how long a daemon may take to end after its filesystem was unmounted.
const daemonPatience = 30 * time.Second

// pidFile contains the process ID of a volume's daemon. A test may kill it.
func pidFile(v store.Volume) string { return filepath.Join(v.Folder, "daemon.pid") }

// daemons returns the processes that serve the data of a volume at a mount point. Another node may still serve the
// volume at another one.
func daemons(v store.Volume, point string) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(content), "\x00")
		if !slices.Contains(args, point) || !namesFolder(args, data(v)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// namesFolder reports whether an argument is the folder or a path in it.
func namesFolder(args []string, folder string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return arg == folder || strings.HasPrefix(arg, folder+"/") })
}
