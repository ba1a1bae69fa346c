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
	// NotMeant means that the method is for a file to which lines are appended.
	NotMeant Answer = "not meant for it"
)

// Answers are the answers of all methods, in the order of Methods.
type Answers [4]Answer

// ForObjects returns the answers for the objects of a write pattern: the methods are not meant for them.
func ForObjects() Answers { return Answers{NotMeant, NotMeant, NotMeant, NotMeant} }

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

// Probe returns a command probe as a Litmus user would write it: at the end of the test
// it counts the lines of the file, in a pod that mounts the claim.
func Probe(image, claim, file string) chaosv1alpha1.ProbeAttributes {
	return chaosv1alpha1.ProbeAttributes{
		Name: probeName, Type: "cmdProbe", Mode: "EOT",
		CmdProbeInputs: &chaosv1alpha1.CmdProbeInputs{
			Command:    "cat " + file + " | wc -l",
			Comparator: chaosv1alpha1.ComparatorInfo{Type: "int", Criteria: ">", Value: "0"},
			Source: &chaosv1alpha1.SourceDetails{
				Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
				// litmus-go's own command ignores SIGTERM, so its pod takes half a minute to end.
				Args:         []string{"-c", "trap exit TERM; sleep 1000 & wait"},
				Volumes:      []corev1.Volume{volume(claim)},
				VolumesMount: []corev1.VolumeMount{{Name: "volume", MountPath: path.Dir(file)}},
			},
		},
		RunProperties: chaosv1alpha1.RunProperty{ProbeTimeout: "5s", Interval: "1s", Retry: 1},
	}
}

func volume(claim string) corev1.Volume {
	source := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}
	return corev1.Volume{Name: "volume", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: source}}
}

// Baseline is the state of the file before the fault, with which the methods compare.
type Baseline struct {
	ns         *chaosengine.Namespace
	file       string
	removeHook func(context.Context) error

	once     sync.Once
	mu       sync.Mutex
	lines    int
	recorded bool
}

// Prepare installs an admission hook that records the state of the file immediately
// before the first deletion of the writer: the number of lines, and a checksum of the
// content, which it leaves on the volume beside the file.
func Prepare(ctx context.Context, ns *chaosengine.Namespace, file string) (*Baseline, error) {
	b := &Baseline{ns: ns, file: file}
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
	out, err := b.ns.Exec(ctx, pod, "sh", "-c", fmt.Sprintf(
		`n=$(wc -c < %[1]s); echo "$n $(head -c $n %[1]s | md5sum)" > %[1]s.md5; head -c $n %[1]s | wc -l`, b.file))
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
	answers[stig] = b.ask(ctx, pod, fmt.Sprintf("[ $(cat %s | wc -c) -gt 0 ] && echo yes || echo no", b.file))
	if !b.isRecorded() {
		return answers, nil
	}
	answers[lines] = b.ask(ctx, pod, fmt.Sprintf("[ $(cat %s | wc -l) -ge %d ] && echo yes || echo no", b.file, b.lines))
	answers[md5] = b.ask(ctx, pod, fmt.Sprintf(
		`read n sum < %[1]s.md5 && [ "$(head -c $n %[1]s | md5sum)" = "$sum" ] && echo yes || echo no`, b.file))
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
				VolumeMounts: []corev1.VolumeMount{{Name: "volume", MountPath: path.Dir(b.file)}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	_, err = b.ns.AwaitRunning(ctx, name)
	return name, err
}

// ask runs a command that prints yes if the data is intact, and no if it is not.
func (b *Baseline) ask(ctx context.Context, pod, command string) Answer {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	out, err := b.ns.Exec(ctx, pod, "sh", "-c", command)
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
