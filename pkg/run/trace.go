package run

import (
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
)

// begin records that a step of the cell begins now.
func (c *cell) begin(step result.StepName) { c.trace.Begin(step, 0, time.Now().UTC()) }

// stepNameOf returns the name of a step that kube.Client reports, such as "mounting on node-1".
func stepNameOf(step string) result.StepName {
	name, _, _ := strings.Cut(step, " ")
	return result.StepName(name)
}

// recordTrace adds the steps of the cell to its result. The times of its pods must be known.
func (c *cell) recordTrace() {
	pods := trace.Pods{Claim: c.result.Claim, Epochs: c.result.Epochs}
	switch {
	case c.result.Reader != nil:
		pods.Reader, pods.ReceivedAt = c.result.Reader.Pod, c.result.Reader.ReceivedAt
	case c.reader != nil:
		pods.Reader = podResult(c.reader)
		c.provenance().addTimes(&pods.Reader)
	}
	c.result.Trace = c.trace.Trace(pods)
}
