package local

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
)

// begin records that a step of the cell begins now.
func (s *execution) begin(step result.StepName) { s.trace.Begin(step, 0, time.Now().UTC()) }

// recordTrace adds the steps of the cell to its result. The last step ends now.
func (s *execution) recordTrace() {
	s.trace.End(time.Now().UTC())
	pods := trace.Pods{Epochs: s.cell.Epochs, Reader: s.reader, Local: true}
	if s.cell.Reader != nil {
		pods.ReceivedAt = s.cell.Reader.ReceivedAt
	}
	s.cell.Trace = s.trace.Trace(pods)
}
