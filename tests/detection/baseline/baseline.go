// Package baseline applies the methods that people use today to find out whether a
// volume kept its data, to the volume under test: the STIG check by hand, counting
// lines, a checksum that is kept on the volume, a Litmus command probe. It returns
// their answers and does not rate them.
package baseline

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// Answer is the answer of a method.
type Answer string

// The answers.
const (
	Intact   Answer = "intact"    // the data is as it was
	Damaged  Answer = "damaged"   // the data is not as it was
	NoAnswer Answer = "no answer" // the command did not return
	NotRun   Answer = "not run"   // the method could not be applied
)

// Answers are the answers of all methods, in the order of Methods.
type Answers [4]Answer

// Methods are the names of the methods in the table.
var Methods = [4]string{"STIG check by hand", "counting lines", "md5 on the volume", "Litmus cmdProbe"}

const (
	stig = iota
	lines
	md5
	probe
)

const (
	// checkTimeout limits each command of Check.
	checkTimeout = 10 * time.Second
	// hookTimeout limits what runs while the API server waits for the admission hook.
	hookTimeout = 4 * time.Second
)

// probeName is the name of the Litmus probe in the engine.
const probeName = "lines"

// Data is what the writers write, as the methods see it.
type Data struct {
	// Path is that of the file or of the folder.
	Path string
	// Appended is whether lines are appended to the file. Otherwise a writer overwrites, replaces, creates or removes what
	// it has written.
	Appended bool
	// IsFolder is whether the data is in the files of a folder.
	IsFolder bool
}

// record returns a command that leaves checksums of the data on the volume, and prints the number of lines. It lists a
// folder once.
func (d Data) record() string {
	if d.Appended {
		return fmt.Sprintf(
			`n=$(wc -c < %[1]s); echo "$n $(head -c $n %[1]s | md5sum)" > %[1]s.md5; head -c $n %[1]s | wc -l`, d.Path)
	}
	// A file may be removed after it was listed.
	return fmt.Sprintf(`f=$(find %[1]s -type f); md5sum $f 2>/dev/null > %[1]s.md5; cat $f 2>/dev/null | wc -l`, d.Path)
}

// compare returns a command that compares the data with the checksums. Its exit code is 0 if they are equal.
func (d Data) compare() string {
	if d.Appended {
		return fmt.Sprintf(`read n sum < %[1]s.md5 && [ "$(head -c $n %[1]s | md5sum)" = "$sum" ]`, d.Path)
	}
	return fmt.Sprintf(`[ -s %[1]s.md5 ] && md5sum -c %[1]s.md5 >/dev/null 2>&1`, d.Path)
}

// print returns a command that prints the data.
func (d Data) print() string { return fmt.Sprintf("find %s -type f -exec cat {} +", d.Path) }

// count returns a command that prints a number of lines, as a person would write it in a probe: those of the file, or
// those of the list of the folder.
func (d Data) count() string {
	if d.IsFolder {
		return "ls " + d.Path + " | wc -l"
	}
	return "cat " + d.Path + " | wc -l"
}

// Probe returns a command probe as a Litmus user would write it: at the end of the test it counts lines, in a pod that
// mounts the claim.
func Probe(image, claim string, data Data) chaosv1alpha1.ProbeAttributes {
	return chaosv1alpha1.ProbeAttributes{
		Name: probeName, Type: "cmdProbe", Mode: "EOT",
		CmdProbeInputs: &chaosv1alpha1.CmdProbeInputs{
			Command:    data.count(),
			Comparator: chaosv1alpha1.ComparatorInfo{Type: "int", Criteria: ">", Value: "0"},
			Source: &chaosv1alpha1.SourceDetails{
				Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
				// litmus-go's own command ignores SIGTERM, so its pod takes half a minute to end.
				Args:         []string{"-c", "trap exit TERM; sleep 1000 & wait"},
				Volumes:      []corev1.Volume{volume(claim)},
				VolumesMount: []corev1.VolumeMount{{Name: "volume", MountPath: path.Dir(data.Path)}},
			},
		},
		RunProperties: chaosv1alpha1.RunProperty{ProbeTimeout: "5s", Interval: "1s", Retry: 1},
	}
}

func volume(claim string) corev1.Volume {
	source := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}
	return corev1.Volume{Name: "volume", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: source}}
}

// Baseline is the state of the data before the fault, with which the methods compare.
type Baseline struct {
	ns         *chaosengine.Namespace
	data       Data
	removeHook func(context.Context) error

	once     sync.Once
	mu       sync.Mutex
	lines    int
	recorded bool
}

// Prepare installs an admission hook that records the state of the data immediately
// before the first deletion of the writer: the number of lines, and checksums of the
// content, which it leaves on the volume beside the data.
func Prepare(ctx context.Context, ns *chaosengine.Namespace, data Data) (*Baseline, error) {
	b := &Baseline{ns: ns, data: data}
	var err error
	b.removeHook, err = ns.OnAdmission(ctx, "pods", func(operation admissionv1.Operation, pod string) {
		if operation == admissionv1.Delete && pod == options.Defaults().WriterPod {
			b.once.Do(func() { b.record(ctx, pod) })
		}
	})
	return b, err
}

func (b *Baseline) record(ctx context.Context, pod string) {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	out, err := b.ns.Exec(ctx, pod, "sh", "-c", b.data.record())
	if err == nil {
		b.lines, err = strconv.Atoi(strings.TrimSpace(out))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recorded = err == nil
}

// isRecorded reports whether the state was recorded. It cannot be if the writer had
// ended before it was deleted.
func (b *Baseline) isRecorded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.recorded
}

// Close removes the hook.
func (b *Baseline) Close(ctx context.Context) error { return b.removeHook(ctx) }

// Check applies each method, in a pod that mounts the claim, and reads the result of the
// command probe.
func (b *Baseline) Check(
	ctx context.Context, image, claim string, result *chaosv1alpha1.ChaosResult,
) (Answers, error) {
	answers := Answers{lines: NotRun, md5: NotRun, probe: probeAnswer(result)}
	pod, err := b.startPod(ctx, image, claim)
	if err != nil {
		return answers, err
	}
	answers[stig] = b.ask(ctx, pod, fmt.Sprintf("[ $(%s | wc -c) -gt 0 ]", b.data.print()))
	if !b.isRecorded() {
		return answers, nil
	}
	answers[lines] = b.ask(ctx, pod, fmt.Sprintf("[ $(%s | wc -l) -ge %d ]", b.data.print(), b.lines))
	answers[md5] = b.ask(ctx, pod, b.data.compare())
	return answers, nil
}

// startPod starts a pod that mounts the claim and returns its name.
func (b *Baseline) startPod(ctx context.Context, image, claim string) (string, error) {
	const name = "by-hand"
	_, err := b.ns.Kube.CoreV1().Pods(b.ns.Name).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64),
			Volumes:                       []corev1.Volume{volume(claim)},
			Containers: []corev1.Container{{
				Name: name, Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"sleep", "1000"},
				VolumeMounts: []corev1.VolumeMount{{Name: "volume", MountPath: path.Dir(b.data.Path)}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	_, err = b.ns.AwaitRunning(ctx, name)
	return name, err
}

// ask runs a condition of a shell that is true if the data is intact.
func (b *Baseline) ask(ctx context.Context, pod, condition string) Answer {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	out, err := b.ns.Exec(ctx, pod, "sh", "-c", "if "+condition+"; then echo yes; else echo no; fi")
	switch {
	case ctx.Err() != nil:
		return NoAnswer
	case err != nil:
		return NotRun
	case strings.TrimSpace(out) == "yes":
		return Intact
	default:
		return Damaged
	}
}

func probeAnswer(result *chaosv1alpha1.ChaosResult) Answer {
	for _, p := range result.Status.ProbeStatuses {
		if p.Name != probeName {
			continue
		}
		switch {
		case strings.HasPrefix(p.Status.Description, "no answer within"):
			return NoAnswer
		case p.Status.Verdict == chaosv1alpha1.ProbeVerdictPassed:
			return Intact
		case p.Status.Verdict == chaosv1alpha1.ProbeVerdictFailed:
			return Damaged
		}
	}
	return NotRun
}
