package e2e

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// Two volumes keep everything: the journal of one is a file, that of the other is a folder with files. A pod on the
// reader's node looks at each journal while the writer writes more. For a minute, the mount then shows this older
// length or list. Two other volumes lose a file after the writer has ended: one has the same mount options, and the
// mount of the other caches nothing.
func testCachedAttributes(t *testing.T) {
	length, list := newNamespace(t), newNamespace(t)
	caching := []string{"nocto", "actimeo=60"}
	kept := cachedClass(t, list, "kept", caching...)
	lost, uncached := cachedClass(t, list, "lost", caching...), cachedClass(t, list, "uncached", "noac")
	cachingPod{length, ""}.start(t)
	onAdmissions(t, length, cachingPod{length, ""}.admissions(t))
	cachingPod{list, "-" + kept}.start(t)
	admissions := cachingPod{list, "-" + kept}.admissions(t)
	for _, class := range []string{lost, uncached} {
		admissions["CREATE read-pod-"+class] = func() error {
			_, err := onJournal(t, list, "-"+class, `rm "$1/file-00001-000000000001"`)
			return err
		}
	}
	onAdmissions(t, list, admissions)
	start(t, length, cachedRun(map[string]string{"STORAGE_CLASS": cachedClass(t, length, "kept", caching...)}))
	start(t, list, cachedRun(map[string]string{
		"STORAGE_CLASSES": strings.Join([]string{kept, lost, uncached}, ","), "WRITE_PATTERN": "create",
	}))

	// A direct read ends at the length that the file has on the server.
	o := await(t, length)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	assert.Nil(t, o.result.Cells[0].Reader.ScanResult.Reread)
	requireNothingLeft(t, length)

	o = await(t, list)
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	assert.Contains(t, o.log, "the journal is read again for up to 61 s, because the mount may show an older state")
	cells := cellsByName(o.result)
	for name, c := range cells {
		require.NotNil(t, c.Reader, name)
		t.Logf("%s: %s", name, c.Reason)
	}
	assert.Equal(t, judge.Pass, cells[kept].Verdict, cells[kept].Reason)
	requireReread(t, cells[kept], true)
	assert.Contains(t, strings.Join(cells[kept].Notes, "\n"), "the last read showed a newer one")
	requireFirstFileLost(t, cells[lost])
	requireReread(t, cells[lost], false)
	requireFirstFileLost(t, cells[uncached])
	assert.Nil(t, cells[uncached].Reader.ScanResult.Reread)
	requireNothingLeft(t, list)
}

// cachedClass creates a StorageClass for NFS 3. With version 4.2, the clients did not show an older list.
func cachedClass(t *testing.T, ns *chaosengine.Namespace, name string, mountOptions ...string) string {
	t.Helper()
	parameters := map[string]string{"backend": "nfs", "server": serverAddress, "export": "/export"}
	return createClass(t, ns, ns.Name+"-"+name, parameters, append(mountOptions, "nfsvers=3", "nolock")...)
}

// cachedRun returns the options of a run whose volumes another pod may use. They are therefore not detached before the
// reader starts.
func cachedRun(env map[string]string) map[string]string {
	all := onTwoMachines(map[string]string{
		"ACCESS_MODE": "ReadWriteMany", "REQUIRED_EVIDENCE": "uncached", "RAMP_TIME": "15",
	})
	maps.Copy(all, env)
	return all
}

// requireReread fails the test unless the journal of a cell was read again. Settled is whether the last read must have
// shown a newer state.
func requireReread(t *testing.T, c result.Cell, settled bool) {
	t.Helper()
	reread := c.Reader.ScanResult.Reread
	require.NotNil(t, reread, c.Spec.Name)
	assert.Equal(t, settled, reread.Settled, c.Spec.Name)
}

func requireFirstFileLost(t *testing.T, c result.Cell) {
	t.Helper()
	assert.Equal(t, judge.Fail, c.Verdict, c.Reason)
	require.Len(t, c.Findings, 1, c.Spec.Name)
	assert.Equal(t, judge.Missing, c.Findings[0].Class, c.Spec.Name)
	assert.Equal(t, [2]uint64{1, 1}, [2]uint64{c.Findings[0].First, c.Findings[0].Last}, c.Spec.Name)
}

// onAdmissions calls functions before pods are created or deleted. The key of a function is the operation and the name
// of the pod. Each function is called once, because the kubelet deletes a pod a second time after its containers ended.
func onAdmissions(t *testing.T, ns *chaosengine.Namespace, functions map[string]func() error) {
	t.Helper()
	for key, do := range functions {
		functions[key] = sync.OnceValue(do)
	}
	onAdmission(t, ns, "pods", func(operation admissionv1.Operation, pod string) {
		if do := functions[string(operation)+" "+pod]; do != nil {
			assert.NoError(t, do(), "%s %s", operation, pod)
		}
	})
}

// cachingPod is a pod on the reader's node that mounts the volume of a cell too, so that the client of this node caches
// its attributes. The names of the cell's objects end with the suffix.
type cachingPod struct {
	ns     *chaosengine.Namespace
	suffix string
}

func (p cachingPod) name() string { return "cache-pod" + p.suffix }

// start starts the pod. The volume does not exist yet. The pod has the user and the groups of the reader. With another
// user or group, the reader's client would ask the server for permissions, and learn that the folder has changed.
func (p cachingPod) start(t *testing.T) {
	t.Helper()
	user := ptr.To[int64](options.ImageUser)
	created := kube.Client{}.NewPod(kube.PodSpec{
		Name: p.name(), Image: *image, ImagePullPolicy: corev1.PullNever, Command: []string{"sleep", "100000"},
		Path: "/data", Claim: "stig-pvc" + p.suffix, OwnVolume: true, Placement: kube.Placement{Node: readerMachine},
		Identity: kube.Identity{User: user, Group: user, FSGroup: user},
		Settings: kube.PodSettings{Tolerations: tolerateMachines()},
	})
	_, err := p.ns.Kube.CoreV1().Pods(p.ns.Name).Create(within(t), created, metav1.CreateOptions{})
	require.NoError(t, err)
}

// admissions returns what the pod does during the run: it looks at the journal before the writer is deleted. The pod is
// removed when the reader is deleted, because the run then deletes the claim, which must not be in use.
func (p cachingPod) admissions(t *testing.T) map[string]func() error {
	return map[string]func() error{
		"DELETE write-pod" + p.suffix: func() error { return p.cache(t) },
		"DELETE read-pod" + p.suffix:  func() error { return p.remove(t) },
	}
}

// size is a script that prints the number of files of a folder, or the length of a file.
const size = `if [ -d "$1" ]; then ls "$1" | wc -l; else stat -c %s "$1"; fi`

// cache lets the pod look at the journal while the writer is stopped. A client does not cache a list that changes while
// it is read. cache returns once the writer has written more. It returns an error if the pod then sees more.
func (p cachingPod) cache(t *testing.T) error {
	t.Helper()
	if _, err := p.ns.AwaitRunning(within(t), p.name()); err != nil {
		return err
	}
	before, err := p.seeWithoutWriter(t)
	if err != nil {
		return err
	}
	const awaitMore = `size() { ` + size + `; }
from=$(size "$1")
for _ in $(seq 100); do
	if [ "$(size "$1")" -gt $((from+10)) ]; then size "$1"; exit; fi
	sleep 0.1
done
echo "the writer wrote no more" >&2
exit 1`
	written, err := onJournal(t, p.ns, p.suffix, awaitMore)
	if err != nil {
		return err
	}
	after, err := p.see(t)
	t.Logf("%s saw %q and %q, and the server had %q", p.name(), before, after, written)
	if err == nil && after != before {
		err = errors.New("the client does not show the older state")
	}
	return err
}

// seeWithoutWriter returns what the pod sees while the writer is stopped. The first of two looks makes the client ask
// the server.
func (p cachingPod) seeWithoutWriter(t *testing.T) (string, error) {
	t.Helper()
	if err := p.signalWriter(t, "STOP"); err != nil {
		return "", err
	}
	_, first := p.see(t)
	size, second := p.see(t)
	return size, errors.Join(first, second, p.signalWriter(t, "CONT"))
}

// see returns the size of the journal that the pod sees.
func (p cachingPod) see(t *testing.T) (string, error) {
	t.Helper()
	return p.ns.Exec(within(t), p.name(), "sh", "-c", size, "sh", "/data/logs.log")
}

// signalWriter sends a signal to the writer of the cell, which has the volume of the cell mounted.
func (p cachingPod) signalWriter(t *testing.T, signal string) error {
	t.Helper()
	volume, err := volumeOf(t, p.ns, p.suffix)
	if err == nil {
		err = signalProcess(t, writerMachine, writerCommand, volume, signal)
	}
	return err
}

// remove deletes the pod.
func (p cachingPod) remove(t *testing.T) error {
	t.Helper()
	now := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}
	return p.ns.Kube.CoreV1().Pods(p.ns.Name).Delete(within(t), p.name(), now)
}

// onJournal runs a script on the server. The argument of the script is the path of a cell's journal.
func onJournal(t *testing.T, ns *chaosengine.Namespace, suffix, script string) (string, error) {
	t.Helper()
	volume, err := volumeOf(t, ns, suffix)
	if err != nil {
		return "", err
	}
	return tryOnMachine(t, serverMachine, script, exportedJournal(volume))
}

// exportedJournal returns the path on the server of the journal on a volume with a handle.
func exportedJournal(handle string) string { return "/export/" + handle + "/logs.log" }

// volumeOf returns the handle of a cell's volume, which is the name of its folder on the server.
func volumeOf(t *testing.T, ns *chaosengine.Namespace, suffix string) (string, error) {
	t.Helper()
	api := ns.Kube.CoreV1()
	claim, err := api.PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc"+suffix, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	volume, err := api.PersistentVolumes().Get(within(t), claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return volume.Spec.CSI.VolumeHandle, nil
}
