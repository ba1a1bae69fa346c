// Package baseline is what people do today to find out whether a volume kept its
// data, done by the same commands on the same volume: the STIG check by hand,
// counting lines, a checksum that is kept on the volume, a Litmus command probe.
// It takes what they say; whether they are right is not its business.
package baseline

import (
	"context"
	"fmt"
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

// Answer is what a way of looking says.
type Answer string

// The answers.
const (
	Fine     Answer = "fine"      // nothing is wrong
	Found    Answer = "found"     // something is wrong
	NoAnswer Answer = "no answer" // it does not come back
	NotRun   Answer = "not run"   // it could not be done
)

// Answers are what each way said, in the order of Ways.
type Answers [4]Answer

// Ways are the ways of looking, as a table's reader knows them.
var Ways = [4]string{"STIG check by hand", "counting lines", "md5 on the volume", "Litmus cmdProbe"}

const (
	stig = iota
	lines
	md5
	probe
)

// patience is how long a person waits for a command, and a command that is run
// while the API server waits may take.
const (
	patience = 10 * time.Second
	brief    = 4 * time.Second
)

// probeName is that of the Litmus probe in the engine.
const probeName = "lines"

// Probe is a command probe as a Litmus user writes it: it counts the lines that
// are there in the end, in a pod that mounts the claim.
func Probe(image, claim, file string) chaosv1alpha1.ProbeAttributes {
	folder := file[:strings.LastIndex(file, "/")]
	return chaosv1alpha1.ProbeAttributes{
		Name: probeName, Type: "cmdProbe", Mode: "EOT",
		CmdProbeInputs: &chaosv1alpha1.CmdProbeInputs{
			Command:    "cat " + file + " | wc -l",
			Comparator: chaosv1alpha1.ComparatorInfo{Type: "int", Criteria: ">", Value: "0"},
			Source: &chaosv1alpha1.SourceDetails{
				Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
				// litmus-go's own command ignores that it is asked to end, and takes half a minute to go.
				Args:         []string{"-c", "trap exit TERM; sleep 1000 & wait"},
				Volumes:      []corev1.Volume{volume(claim)},
				VolumesMount: []corev1.VolumeMount{{Name: "volume", MountPath: folder}},
			},
		},
		RunProperties: chaosv1alpha1.RunProperty{ProbeTimeout: "5s", Interval: "1s", Retry: 1},
	}
}

func volume(claim string) corev1.Volume {
	return corev1.Volume{Name: "volume", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}
}

// Before is what was noted before the fault.
type Before struct {
	ns     *chaosengine.Namespace
	file   string
	remove func(context.Context) error

	once  sync.Once
	mu    sync.Mutex
	lines int
	done  bool
}

// Note notes, when the writer is about to be deleted for the first time, and not a
// moment earlier, how many lines there are, and leaves a checksum of all that is
// there on the volume, beside the file.
func Note(ctx context.Context, ns *chaosengine.Namespace, file string) (*Before, error) {
	b := &Before{ns: ns, file: file}
	var err error
	b.remove, err = ns.OnAdmission(ctx, "pods", func(operation admissionv1.Operation, pod string) {
		if operation == admissionv1.Delete && pod == options.Defaults().WriterPod {
			b.once.Do(func() { b.note(ctx, pod) })
		}
	})
	return b, err
}

func (b *Before) note(ctx context.Context, pod string) {
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	out, err := b.ns.Exec(ctx, pod, "sh", "-c", fmt.Sprintf(
		`n=$(wc -c < %[1]s); echo "$n $(head -c $n %[1]s | md5sum)" > %[1]s.md5; head -c $n %[1]s | wc -l`, b.file))
	if err == nil {
		b.lines, err = strconv.Atoi(strings.TrimSpace(out))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = err == nil
}

// noted says whether something was noted: a writer that had ended before it was
// deleted cannot be asked.
func (b *Before) noted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}

// Forget takes the hook away.
func (b *Before) Forget(ctx context.Context) error { return b.remove(ctx) }

// Ask asks each way, in a pod that mounts the claim, and reads what the probe said.
func (b *Before) Ask(ctx context.Context, image, claim string, result *chaosv1alpha1.ChaosResult) (Answers, error) {
	answers := Answers{lines: NotRun, md5: NotRun, probe: probeAnswer(result)}
	pod, err := b.byHand(ctx, image, claim)
	if err != nil {
		return answers, err
	}
	answers[stig] = b.ask(ctx, pod, fmt.Sprintf("[ $(cat %s | wc -c) -gt 0 ] && echo yes || echo no", b.file))
	if !b.noted() {
		return answers, nil
	}
	answers[lines] = b.ask(ctx, pod, fmt.Sprintf("[ $(cat %s | wc -l) -ge %d ] && echo yes || echo no", b.file, b.lines))
	answers[md5] = b.ask(ctx, pod, fmt.Sprintf(
		`read n sum < %[1]s.md5 && [ "$(head -c $n %[1]s | md5sum)" = "$sum" ] && echo yes || echo no`, b.file))
	return answers, nil
}

// byHand starts a pod as people do who look by hand.
func (b *Before) byHand(ctx context.Context, image, claim string) (string, error) {
	const name = "by-hand"
	folder := b.file[:strings.LastIndex(b.file, "/")]
	_, err := b.ns.Kube.CoreV1().Pods(b.ns.Name).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64),
			Volumes:                       []corev1.Volume{volume(claim)},
			Containers: []corev1.Container{{
				Name: name, Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"sleep", "1000"},
				VolumeMounts: []corev1.VolumeMount{{Name: "volume", MountPath: folder}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	_, err = b.ns.AwaitRunning(ctx, name)
	return name, err
}

// ask runs a command that says yes where all is well and no where it is not.
func (b *Before) ask(ctx context.Context, pod, command string) Answer {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := b.ns.Exec(ctx, pod, "sh", "-c", command)
	switch {
	case ctx.Err() != nil:
		return NoAnswer
	case err != nil:
		return NotRun
	case strings.TrimSpace(out) == "yes":
		return Fine
	default:
		return Found
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
			return Fine
		case p.Status.Verdict == chaosv1alpha1.ProbeVerdictFailed:
			return Found
		}
	}
	return NotRun
}
