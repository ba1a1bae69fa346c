package guest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/volume-durability/volume-durability/tests/cluster/process"
)

// Hardware is what a guest consists of on this machine.
type Hardware struct {
	Name   string
	Memory string
	// Disk is the image of the disk, Tap the network device.
	Disk, Tap string
	// Dir is a folder for the files of the kernel.
	Dir string
	// Init is the program that the kernel starts, Description the file that it reads.
	Init, Description string
}

// ProcessName is the name of the process of a guest.
func ProcessName(guest string) string { return "machine-" + guest }

// Kernel is the program that is the running guest. The root filesystem is that of this
// machine, read-only.
//
// All processes of a guest run on one processor of this machine. For each system call, the kernel of the guest and a
// process of the guest wake each other. This takes several times as long if they are on two processors.
func Kernel(p Packages, h Hardware) process.Program {
	program := process.Program{Name: ProcessName(h.Name), Path: "taskset", Args: []string{
		"--cpu-list", strconv.Itoa(processorOf(h.Name)), p.Kernel,
		"mem=" + h.Memory, "umid=" + h.Name, "uml_dir=" + h.Dir,
		"rootfstype=hostfs", "root=/dev/root", "ro", "rootflags=/",
		"ubd0=" + h.Disk, "vec0:transport=tap,ifname=" + h.Tap + ",depth=64",
		"con=null", "con0=null,fd:1", "quiet", "noreboot", "panic=-1",
		"init=" + h.Init, "--", h.Description,
	}}
	if p.Preload != "" {
		program.Env = []string{"LD_PRELOAD=" + p.Preload}
	}
	return program
}

// processorOf returns the number of the processor of a guest, one of those that this process may use. Guests whose
// names end in a number are spread evenly. The others are spread at random, because many may have the same name.
func processorOf(name string) int {
	var usable unix.CPUSet
	if err := unix.SchedGetaffinity(0, &usable); err != nil {
		return 0
	}
	var processors []int
	for n := 0; len(processors) < usable.Count(); n++ {
		if usable.IsSet(n) {
			processors = append(processors, n)
		}
	}
	if last := name[len(name)-1]; last >= '0' && last <= '9' {
		return processors[int(last-'0')%len(processors)]
	}
	return processors[rand.IntN(len(processors))]
}

// cutPatience is how long killed processes may take to end.
const cutPatience = 30 * time.Second

// Cut kills the process group of a guest, and whatever else has its disk open: a guest's
// processes may outlive its kernel and keep the disk locked. It returns once none is left.
func Cut(ctx context.Context, running process.Record, disk string) error {
	if running.Alive() {
		if err := unix.Kill(-running.PID, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("killing the process group of %s: %w", running.Name, err)
		}
	}
	if err := errors.Join(running.Kill(ctx, cutPatience), KillUsers(ctx, disk)); err != nil {
		return fmt.Errorf("cutting the power of %s: %w", running.Name, err)
	}
	return nil
}

// KillUsers kills every process of a guest that uses a path: it has a file open there or below,
// or its arguments name it. A guest that has just been started has not opened its disk yet. It
// returns once no such process is left.
func KillUsers(ctx context.Context, path string) error {
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, cutPatience, true, func(context.Context) (bool, error) {
		pids, err := users("/proc", path)
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		return len(pids) == 0, err
	})
}

// users are the processes of guests that use a path.
func users(proc, path string) ([]int, error) {
	programs, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "exe"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, program := range programs {
		if target, err := os.Readlink(program); err != nil || !isKernel(target) {
			continue
		}
		used, err := uses(filepath.Dir(program), path)
		if err != nil {
			return nil, err
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(program))); err == nil && used {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func isKernel(program string) bool {
	return strings.HasPrefix(filepath.Base(program), "linux.uml")
}

func uses(process, path string) (bool, error) {
	arguments, err := os.ReadFile(filepath.Join(process, "cmdline"))
	if err == nil && slices.ContainsFunc(strings.Split(string(arguments), "\x00"), func(argument string) bool {
		_, value, _ := strings.Cut(argument, "=")
		return isAtOrBelow(value, path)
	}) {
		return true, nil
	}
	return hasOpen(filepath.Join(process, "fd"), path)
}

func isAtOrBelow(file, path string) bool { return file == path || strings.HasPrefix(file, path+"/") }

func hasOpen(descriptors, path string) (bool, error) {
	entries, err := os.ReadDir(descriptors)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return false, nil // the process has ended
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(descriptors, e.Name()))
		if err == nil && isAtOrBelow(target, path) {
			return true, nil
		}
	}
	return false, nil
}
