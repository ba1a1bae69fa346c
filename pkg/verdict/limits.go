package verdict

import (
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// AddNotShown adds to NotShown what the cell does not show, even with a Pass. It depends on the provenance, as the
// evidence level does, so the two do not contradict each other.
func AddNotShown(c *result.Cell) {
	if limit := RemovalsNotTested(c.Layout, c.Acks); limit != "" {
		c.NotShown = append(c.NotShown, limit)
	}
	if c.IsLocal() {
		c.NotShown = append(c.NotShown, localLimits(c.Provenance)...)
		return
	}
	if c.Reader != nil && len(c.Epochs) > 0 && c.Reader.Node == c.Epochs[len(c.Epochs)-1].Node {
		c.NotShown = append(c.NotShown, sameNodeLimit(c.Provenance, c.Reader.ScanResult.ReadMode))
	}
	c.NotShown = append(c.NotShown, "the run did not test whether acknowledged records survive a power failure")
}

// RemovalsNotTested returns a sentence if the write pattern removes files, but no acknowledged operation removed one;
// otherwise it returns an empty string.
func RemovalsNotTested(layout pattern.Layout, acks []ledger.Ack) string {
	removes := func(a ledger.Ack) bool { return a.Seq > layout.Objects }
	if !layout.Pattern.SomeOperationsRemove() || len(acks) == 0 || slices.ContainsFunc(acks, removes) {
		return ""
	}
	return fmt.Sprintf("the run tested only the creation of files, not what the write pattern %s does afterwards: no "+
		"writer had more than %d acknowledged records (WRITE_OBJECTS)", layout.Pattern, layout.Objects)
}

// sameNodeLimit returns what a reader on the writer's node does not show.
func sameNodeLimit(p provenance.Provenance, mode protocol.ReadMode) string {
	limit := "the reader ran on the writer's node, "
	if p.IsRestarted() {
		return limit + "after it was started again: the run did not test whether another machine reads the same data, nor " +
			"whether the node lost its power or was shut down in order"
	}
	if p.IsRemounted() {
		return limit + "so the run did not test whether another node sees the same data"
	}
	if p.Unmounted.Answer == provenance.No {
		limit += "where the volume was not unmounted"
	} else {
		limit += "where the volume may never have been unmounted"
	}
	if mode != protocol.ReadDirect {
		limit += ", and may have read the page cache instead of the storage"
	}
	return limit
}

// localLimits returns what a local run does not show.
func localLimits(p provenance.Provenance) []string {
	var limits []string
	switch {
	case p.Reader == nil || p.IsRemounted():
	case p.Unmounted.Answer == provenance.No:
		limits = append(limits, "the filesystem was not unmounted between writer and reader: --between can unmount it")
	default:
		limits = append(limits, "it is unknown whether the filesystem was unmounted between writer and reader: "+
			p.Unmounted.Reason)
	}
	const noPowerFailure = "a killed process is not a power failure"
	switch {
	case p.OtherKernel.IsYes():
	case p.Reader == nil:
		limits = append(limits, noPowerFailure)
	case p.OtherKernel.Answer == provenance.No:
		limits = append(limits, noPowerFailure+": the kernel that took the writes was still running when they were read")
	default:
		limits = append(limits, noPowerFailure+", and it is unknown whether the kernel that took the writes was still "+
			"running when they were read")
	}
	return limits
}
