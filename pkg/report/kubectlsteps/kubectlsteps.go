// Package kubectlsteps describes how to repeat a test with kubectl alone: the steps of STIG check V-260932 with the
// names of a run.
//
// These steps show whether the journal contains data. They do not show whether every byte is intact.
package kubectlsteps

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Step is one step: a description and the commands for a shell.
type Step struct {
	Description, Commands string
}

// Steps returns the steps that repeat a cell of a run: create a claim and a pod that writes, delete the pod as the run
// did, and read the data back in another pod.
func Steps(r result.Result, c result.Cell) []Step {
	o := objectsOf(r, c)
	var steps []Step
	if o.createsClaim() {
		steps = append(steps, Step{"Create the claim.", o.apply(manifest(o.claimObject()))})
	}
	return append(steps,
		Step{
			"Create the pod that writes, and wait for it.",
			o.apply(manifest(o.writerObject())) + "\n" + o.wait(o.writer),
		},
		Step{
			"Write the time to the file, and read the file.",
			o.exec(o.writer, o.writeCommand()) + "\n" + o.exec(o.writer, o.readCommand()),
		},
		Step{o.deletion(), o.kubectl("delete pod " + quoted(o.writer) + o.deleteFlags())},
		Step{o.readerCreation(), o.apply(manifest(o.readerObject())) + "\n" + o.wait(o.reader)},
		Step{"Read the file: it must have the same lines.", o.exec(o.reader, o.readCommand())},
		Step{"Clean up.", o.kubectl("delete " + o.cleanup())},
	)
}

// objectsOf returns the objects of a cell, by the names that they had in the run.
func objectsOf(r result.Result, c result.Cell) objects {
	o := objects{
		plan: c.Spec, namespace: r.Options.Namespace, size: r.Options.ClaimSize, file: c.JournalFile,
		writer: c.Spec.ObjectName(r.Options.WriterPod), reader: c.Spec.ObjectName(r.Options.ReaderPod),
		claim: cmp.Or(c.Spec.ExistingClaim, c.Spec.ObjectName(r.Options.ClaimName)),
	}
	if c.Claim != nil {
		o.claim = c.Claim.Name
	}
	for _, e := range c.Epochs {
		o.writer = cmp.Or(e.Name, o.writer)
	}
	if c.Reader != nil {
		o.readerNode = c.Reader.Node
		o.reader = cmp.Or(c.Reader.Name, o.reader)
	}
	return o
}

func (o objects) createsClaim() bool {
	return o.plan.VolumeSource == options.Claim && o.plan.ExistingClaim == ""
}

func (o objects) deletion() string {
	if o.plan.Force {
		return "Delete the pod by force, as the run did."
	}
	return "Delete the pod gracefully, as the run did."
}

func (o objects) deleteFlags() string {
	if o.plan.Force {
		return " --grace-period=0 --force"
	}
	return ""
}

func (o objects) readerCreation() string {
	if o.readerNode == "" {
		return "Create the pod that reads, and wait for it."
	}
	return "Create the pod that reads, on " + o.readerNode + " as in the run, and wait for it."
}

func (o objects) writeCommand() string {
	if o.isBlock() {
		return "date | dd of=" + quoted(o.file) + " conv=notrunc,fsync"
	}
	return "date >> " + quoted(o.file) + " && sync"
}

func (o objects) readCommand() string {
	if o.isBlock() {
		return "head -n 1 " + quoted(o.file)
	}
	return "cat " + quoted(o.file)
}

func (o objects) cleanup() string {
	if o.createsClaim() {
		return "pod/" + quoted(o.reader) + " pvc/" + quoted(o.claim)
	}
	return "pod/" + quoted(o.reader)
}

func (o objects) kubectl(arguments string) string {
	return "kubectl -n " + quoted(o.namespace) + " " + arguments
}

func (o objects) exec(pod, command string) string {
	return o.kubectl("exec " + quoted(pod) + " -- sh -c " + quoted(command))
}

func (o objects) wait(pod string) string {
	return o.kubectl("wait pod/" + quoted(pod) + " --for=condition=Ready --timeout=3m")
}

func (o objects) apply(manifest string) string {
	return o.kubectl("apply -f - <<'END'") + "\n" + manifest + "END"
}

var safeWord = regexp.MustCompile(`^[A-Za-z0-9._/:@-]+$`)

// quoted returns a word for a shell, in quotes if it needs them.
func quoted(word string) string {
	if safeWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
