// Package mounts mounts and unmounts, and reads the kernel's mount table.
package mounts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is one in the kernel's table.
type Mount struct {
	// Root is the part of the filesystem that is mounted at Point.
	Root, Point string
	// Type is the filesystem's, Source what it is on.
	Type, Source string
}

// Table is every mount, in the order of mounting.
func Table() ([]Mount, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parse(string(content)), nil
}

func parse(table string) []Mount {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var all []Mount
	for line := range strings.Lines(table) {
		// proc_pid_mountinfo(5): optional fields end with a dash.
		place, kind, _ := strings.Cut(line, " - ")
		where, what := strings.Fields(place), strings.Fields(kind)
		if len(where) < 5 || len(what) < 2 {
			continue
		}
		all = append(all, Mount{
			Root: unescape.Replace(where[3]), Point: unescape.Replace(where[4]),
			Type: what[0], Source: unescape.Replace(what[1]),
		})
	}
	return all
}

// At reports whether something is mounted at a path.
func At(path string) (bool, error) {
	all, err := Table()
	return slices.ContainsFunc(all, func(m Mount) bool { return m.Point == path }), err
}

// IsUsed reports whether a block device is mounted anywhere, as a filesystem or as the
// device itself.
func IsUsed(device string) (bool, error) {
	all, err := Table()
	name := strings.TrimPrefix(device, "/dev")
	uses := func(m Mount) bool { return m.Source == device || m.Type == "devtmpfs" && m.Root == name }
	return slices.ContainsFunc(all, uses), err
}

// Filesystem mounts a filesystem on a folder, with options as mount(8) takes them.
func Filesystem(ctx context.Context, kind, source, point string, options []string) error {
	args := []string{"-t", kind}
	if len(options) > 0 {
		args = append(args, "-o", strings.Join(options, ","))
	}
	command := exec.CommandContext(ctx, "mount", append(args, source, point)...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("mounting %s %s on %s: %w: %s", kind, source, point, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Bind makes a folder or a file visible at another place too.
func Bind(source, point string, readOnly bool) error {
	if err := unix.Mount(source, point, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding %s to %s: %w", source, point, err)
	}
	if !readOnly {
		return nil
	}
	// A bind mount takes options only in a second step.
	if err := unix.Mount("", point, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return errors.Join(fmt.Errorf("making %s read-only: %w", point, err), unix.Unmount(point, 0))
	}
	return nil
}

// IsDisconnected reports whether the process that serves the filesystem at a path has ended.
func IsDisconnected(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, unix.ENOTCONN)
}

// UnmountDisconnected unmounts what is at a path if the process that serves it has ended.
func UnmountDisconnected(path string) error {
	if !IsDisconnected(path) {
		return nil
	}
	return Unmount(path)
}

// Unmount unmounts everything that is mounted at a path, one on top of the other.
func Unmount(path string) error {
	for {
		mounted, err := At(path)
		if err != nil || !mounted {
			return err
		}
		if err := unmount(path); err != nil {
			return fmt.Errorf("unmounting %s: %w", path, err)
		}
	}
}

func unmount(path string) error {
	err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.ENOTCONN) {
		// The process that served it has ended.
		return unix.Unmount(path, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
	}
	return err
}

// Remove unmounts what is at a path, and removes the path.
func Remove(path string) error {
	if err := Unmount(path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
