// Package kubectlsteps is how to try the same with nothing but kubectl: the steps of
// STIG check V-260932, with the names of a run.
//
// By hand one sees whether anything is left, not whether a byte of it is missing.
package kubectlsteps

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Step is one thing to do.
type Step struct {
	// Say is what it does, Commands what a shell is to be given.
	Say      string
	Commands string
}

// Steps repeat a cell of a run: a claim, a pod that writes, its deletion as it was
// in the run, a pod that reads.
func Steps(r result.Result, c result.Cell) []Step {
	h := hand{
		plan: c.Plan, namespace: r.Options.Namespace, size: r.Options.ClaimSize.String(), file: c.File,
		writer: c.Plan.ObjectName(r.Options.WriterPod), reader: c.Plan.ObjectName(r.Options.ReaderPod), claim: c.Plan.ObjectName(r.Options.ClaimName),
	}
	switch {
	case c.Claim != nil:
		h.claim = c.Claim.Name
	case c.Plan.ExistingClaim != "":
		h.claim = c.Plan.ExistingClaim
	}
	if c.Reader != nil {
		h.readerNode = c.Reader.Node
	}
	for _, e := range c.Epochs {
		if e.Name != "" {
			h.writer = e.Name
		}
	}
	if c.Reader != nil && c.Reader.Name != "" {
		h.reader = c.Reader.Name
	}
	return h.steps()
}

type hand struct {
	plan                  options.CellSpec
	namespace, size, file string
	claim, writer, reader string
	readerNode            string
}

func (h hand) steps() []Step {
	var steps []Step
	if h.makesAClaim() {
		steps = append(steps, Step{"Make the claim.", h.apply(h.claimManifest())})
	}
	return append(steps,
		Step{"Make the pod that writes, and wait for it.", h.apply(h.pod(h.writer, "", false)) + "\n" + h.await(h.writer)},
		Step{"Write the time, and look at what is there.", h.exec(h.writer, h.write()) + "\n" + h.exec(h.writer, h.look())},
		Step{h.deletion(), h.kubectl("delete pod " + word(h.writer) + h.force())},
		Step{h.where(), h.apply(h.pod(h.reader, h.readerNode, true)) + "\n" + h.await(h.reader)},
		Step{"Read it back: the same lines must be there.", h.exec(h.reader, h.look())},
		Step{"Clean up.", h.kubectl(h.cleaning())},
	)
}

func (h hand) makesAClaim() bool {
	return h.plan.VolumeSource == options.Claim && h.plan.ExistingClaim == ""
}

func (h hand) block() bool { return h.plan.VolumeMode == corev1.PersistentVolumeBlock }

func (h hand) deletion() string {
	if h.plan.Force {
		return "Delete the pod by force, as the run did."
	}
	return "Delete the pod, and let it end by itself, as the run did."
}

func (h hand) force() string {
	if h.plan.Force {
		return " --grace-period=0 --force"
	}
	return ""
}

func (h hand) where() string {
	if h.readerNode == "" {
		return "Make the pod that reads."
	}
	return "Make the pod that reads, on " + h.readerNode + " as in the run."
}

func (h hand) write() string {
	if h.block() {
		return "date | dd of=" + word(h.file) + " conv=notrunc,fsync"
	}
	return "date >> " + word(h.file) + " && sync"
}

func (h hand) look() string {
	if h.block() {
		return "head -n 1 " + word(h.file)
	}
	return "cat " + word(h.file)
}

func (h hand) cleaning() string {
	if h.makesAClaim() {
		return "delete pod/" + word(h.reader) + " pvc/" + word(h.claim)
	}
	return "delete pod/" + word(h.reader)
}

func (h hand) kubectl(what string) string { return "kubectl -n " + word(h.namespace) + " " + what }

func (h hand) exec(pod, command string) string {
	return h.kubectl("exec " + word(pod) + " -- sh -c " + word(command))
}

func (h hand) await(pod string) string {
	return h.kubectl("wait pod/" + word(pod) + " --for=condition=Ready --timeout=3m")
}

func (h hand) apply(manifest string) string {
	return h.kubectl("apply -f - <<'END'") + "\n" + manifest + "END"
}

func (h hand) claimManifest() string {
	lines := []string{
		"apiVersion: v1", "kind: PersistentVolumeClaim", "metadata:", "  name: " + scalar(h.claim), "spec:",
		"  accessModes: [" + scalar(string(h.plan.AccessMode)) + "]",
	}
	if h.plan.StorageClass != "" {
		lines = append(lines, "  storageClassName: "+scalar(h.plan.StorageClass))
	}
	if h.block() {
		lines = append(lines, "  volumeMode: Block")
	}
	return manifest(append(lines, "  resources:", "    requests:", "      storage: "+scalar(h.size)))
}

func (h hand) pod(name, node string, readOnly bool) string {
	lines := []string{"apiVersion: v1", "kind: Pod", "metadata:", "  name: " + scalar(name), "spec:"}
	if node != "" {
		lines = append(lines, "  nodeName: "+scalar(node))
	}
	lines = append(lines, "  containers:", "  - name: busybox", "    image: busybox", `    command: ["sleep", "infinity"]`)
	if h.block() {
		lines = append(lines, "    volumeDevices:", "    - name: log-storage", "      devicePath: "+scalar(h.file))
	} else {
		lines = append(lines, "    volumeMounts:", "    - name: log-storage", "      mountPath: "+scalar(path.Dir(h.file)))
		if readOnly {
			lines = append(lines, "      readOnly: true")
		}
	}
	lines = append(lines, "  volumes:", "  - name: log-storage")
	if h.plan.VolumeSource == options.EmptyDir {
		return manifest(append(lines, "    emptyDir: {}"))
	}
	return manifest(append(lines, "    persistentVolumeClaim:", "      claimName: "+scalar(h.claim)))
}

func manifest(lines []string) string { return strings.Join(lines, "\n") + "\n" }

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9._/-]*$`)
	reserved    = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null)$`)
	plainWord   = regexp.MustCompile(`^[A-Za-z0-9._/:@-]+$`)
)

// scalar writes a value for YAML, of which JSON's strings are a part.
func scalar(s string) string {
	if plainScalar.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return string(quoted)
}

// word writes a value for a shell.
func word(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
