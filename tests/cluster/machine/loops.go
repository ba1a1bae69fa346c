package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

const blockDevices = "/sys/block"

// LoopsBelow are the loop devices over files below a folder, by their names. A
// kubelet attaches one more over each block volume, by its path in the folder.
func LoopsBelow(dir string) ([]string, error) { return loopsBelow(blockDevices, dir) }

func loopsBelow(devices, dir string) ([]string, error) {
	entries, err := filepath.Glob(filepath.Join(devices, "loop*", "loop", "backing_file"))
	if err != nil {
		return nil, err
	}
	var loops []string
	for _, entry := range entries {
		file, err := os.ReadFile(entry)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(file), dir+"/") {
			loops = append(loops, filepath.Base(filepath.Dir(filepath.Dir(entry))))
		}
	}
	return loops, nil
}

// DetachLoops detaches loop devices. The kernel frees each one when it is no longer used.
func DetachLoops(loops []string) error {
	var failures []error
	for _, name := range loops {
		if err := detach(filepath.Join("/dev", name)); err != nil {
			failures = append(failures, fmt.Errorf("detaching loop device %s: %w", name, err))
		}
	}
	return errors.Join(failures...)
}

func detach(device string) (err error) {
	opened, err := os.Open(device)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := unix.IoctlSetInt(int(opened.Fd()), unix.LOOP_CLR_FD, 0); !errors.Is(err, unix.ENXIO) {
		return err
	}
	return nil
}

// AwaitDetached returns once loop devices are free.
func AwaitDetached(ctx context.Context, loops []string) error {
	for _, name := range loops {
		err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
			_, err := os.Stat(filepath.Join(blockDevices, name, "loop"))
			return errors.Is(err, fs.ErrNotExist), nil
		})
		if err != nil {
			return fmt.Errorf("waiting for loop device %s to be free: %w", name, err)
		}
	}
	return nil
}
