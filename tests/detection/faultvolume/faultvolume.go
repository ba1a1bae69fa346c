// Package faultvolume provides PersistentVolumes that damage data on purpose. Each is a
// faultfs process on this machine, which runs all nodes of the test cluster, and a
// PersistentVolume with the path of its mount.
package faultvolume

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
)

// Class is the StorageClass of such volumes. It has no provisioner.
const Class = "faulty"

// Size is the declared size of a volume; it is not enforced.
const Size = "64Mi"

// processTimeout limits how long the faultfs process takes to mount, and to end.
const processTimeout = 20 * time.Second

// Fault has the values of faultfs's flags -fault and -at.
type Fault struct {
	What, When string
}

// Config describes a volume.
type Config struct {
	Kube kubernetes.Interface
	// Program is the faultfs program, Folder where the volume is mounted.
	Program, Folder  string
	Namespace, Claim string
	Fault            Fault
}

// Volume is a mounted volume.
type Volume struct {
	name, dir, mount, control string
	kube                      kubernetes.Interface
	process                   *exec.Cmd
	exited                    chan struct{}

	mu     sync.Mutex
	events []event.Event
	// mounted is closed when faultfs reports that it has mounted.
	mounted chan struct{}
}

// Create mounts a volume and creates a PersistentVolume that is bound to the claim. The
// caller must call Remove, also after an error.
func Create(ctx context.Context, c Config) (*Volume, error) {
	dir := filepath.Join(c.Folder, c.Namespace)
	v := &Volume{
		name: c.Namespace, dir: dir, mount: filepath.Join(dir, "mount"), control: filepath.Join(dir, "control"),
		kube: c.Kube, exited: make(chan struct{}), mounted: make(chan struct{}),
	}
	for _, d := range []string{filepath.Join(dir, "data"), v.mount} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return v, err
		}
		// The pods write as a user that this machine does not know.
		if err := os.Chmod(d, 0o777); err != nil {
			return v, err
		}
	}
	if err := v.start(c.Program, c.Fault); err != nil {
		return v, fmt.Errorf("starting faultfs: %w", err)
	}
	if err := v.awaitMounted(ctx); err != nil {
		return v, err
	}
	pv := v.persistentVolume(c.Namespace, c.Claim)
	_, err := c.Kube.CoreV1().PersistentVolumes().Create(ctx, pv, metav1.CreateOptions{})
	return v, err
}

func (v *Volume) start(program string, fault Fault) error {
	v.process = exec.Command(program, "-fault", fault.What, "-at", fault.When, "-control", v.control,
		filepath.Join(v.dir, "data"), v.mount)
	v.process.Stderr = os.Stderr
	stdout, err := v.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := v.process.Start(); err != nil {
		v.process = nil
		return err
	}
	go func() {
		defer close(v.exited)
		v.readEvents(stdout)
		// Only its events matter, not its exit status.
		_ = v.process.Wait()
	}()
	return nil
}

func (v *Volume) readEvents(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event.Event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		v.mu.Lock()
		v.events = append(v.events, e)
		v.mu.Unlock()
		if e.Kind == event.Mounted {
			close(v.mounted)
		}
	}
}

func (v *Volume) awaitMounted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	select {
	case <-v.mounted:
		return nil
	case <-v.exited:
		return errors.New("faultfs ended before it had mounted")
	case <-ctx.Done():
		return fmt.Errorf("waiting for faultfs to mount: %w", ctx.Err())
	}
}

func (v *Volume) persistentVolume(namespace, claim string) *corev1.PersistentVolume {
	kind := corev1.HostPathDirectory
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: v.name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(Size)},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName:              Class,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: namespace, Name: claim,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: v.mount, Type: &kind},
			},
		},
	}
}

// FirstEvent returns the first event of a kind, and whether there was one.
func (v *Volume) FirstEvent(kind event.Kind) (event.Event, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range v.events {
		if e.Kind == kind {
			return e, true
		}
	}
	return event.Event{}, false
}

// Heal ends all hanging calls.
func (v *Volume) Heal() error {
	pipe, err := os.OpenFile(v.control, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("healing %s: %w", v.name, err)
	}
	_, err = pipe.WriteString("heal\n")
	return errors.Join(err, pipe.Close())
}

// Remove removes the volume and everything on it.
func (v *Volume) Remove(ctx context.Context) error {
	failures := []error{v.kube.CoreV1().PersistentVolumes().Delete(ctx, v.name, metav1.DeleteOptions{})}
	if v.process != nil {
		failures = append(failures, v.stop(ctx))
	}
	if isMount(v.mount) {
		return errors.Join(append(failures, fmt.Errorf("%s is still mounted", v.mount))...)
	}
	return errors.Join(append(failures, os.RemoveAll(v.dir))...)
}

func (v *Volume) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	if err := v.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-v.exited:
		return nil
	case <-ctx.Done():
		err := errors.Join(ctx.Err(), v.process.Process.Kill())
		return fmt.Errorf("faultfs (process %d) did not end: %w", v.process.Process.Pid, err)
	}
}

// isMount reports whether an existing folder is on another filesystem than its parent.
func isMount(path string) bool {
	var own, parent syscall.Stat_t
	if err := errors.Join(syscall.Lstat(path, &own), syscall.Lstat(filepath.Dir(path), &parent)); err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	return own.Dev != parent.Dev
}
