// Package provenance derives the evidence level of a verdict from the provenance of
// the data that the reader read: what happened to the volume between the last writer
// and the reader.
//
// The package is pure: it evaluates observations that its callers made.
package provenance

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Answer is the answer to a question about the volume.
type Answer string

// The zero value counts as Unknown.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Observation is an answer, and how it was established or why it is unknown.
type Observation struct {
	Answer Answer `json:"answer"`
	Reason string `json:"reason"`
}

// IsYes reports whether the answer is yes. It returns false for an unknown answer.
func (o Observation) IsYes() bool { return o.Answer == Yes }

// Location is where a pod used the volume.
type Location struct {
	Node string `json:"node"`
	// BootID identifies one boot of one kernel (/proc/sys/kernel/random/boot_id). Two
	// nodes with the same boot ID are one machine.
	BootID string         `json:"bootID,omitempty"`
	Mount  protocol.Mount `json:"mount"`
}

// Provenance is what happened to a volume between the last writer and the reader.
type Provenance struct {
	Level Level `json:"level"`
	// NotReachedReason is the reason why the next higher level was not reached; absent at the highest level.
	NotReachedReason string   `json:"notReachedReason,omitempty"`
	Writer           Location `json:"writer"`
	// Reader is absent if nothing was read back.
	Reader *Location `json:"reader,omitempty"`
	// ReadMode is how the reader read the journal.
	ReadMode protocol.ReadMode `json:"readMode,omitempty"`
	// SameVolume is whether every writer and the reader had the same volume at their path.
	SameVolume Observation `json:"sameVolume"`
	// Unmounted is whether the volume was unmounted on the writer's node before the reader
	// used it.
	Unmounted Observation `json:"unmounted"`
	// Reattached is whether the volume was detached, and attached again by another
	// VolumeAttachment.
	Reattached Observation `json:"reattached"`
	// OtherKernel is whether the reader ran on another node under another kernel than the writer. It is no if the writer's
	// node was started again; see the field restarted.
	OtherKernel Observation `json:"otherKernel"`
	// Restarted is whether the writer's node was started again before the reader used the volume. Then nothing that the
	// reader read came from the memory of the earlier boot. Absent unless both pods ran on one node under different
	// kernels.
	Restarted *Observation `json:"restarted,omitempty"`
	// Unused is whether no pod used the claim between the last writer and the reader; absent if Kubernetes does not
	// report that. The level does not depend on it, because the volume may still have been mounted.
	Unused *Observation `json:"unused,omitempty"`
}

// Evaluate sets OtherKernel, Level and NotReachedReason from the other fields.
func (p *Provenance) Evaluate() {
	p.OtherKernel = otherKernel(p.Writer, p.Reader)
	if p.IsRestarted() {
		p.OtherKernel = Observation{No, "the reader ran on the writer's node, which was started again"}
	}
	p.Level, p.NotReachedReason = None, ""
	for _, step := range p.steps() {
		if !step.reached {
			p.NotReachedReason = step.notReached
			return
		}
		p.Level = step.level
	}
}

// step is a level, whether its own condition holds, and the reason if it does not.
type step struct {
	level      Level
	reached    bool
	notReached string
}

// steps returns the conditions of all levels above None, the weakest first.
func (p *Provenance) steps() []step {
	return []step{
		{ReadBack, p.Reader != nil && p.SameVolume.IsYes(), p.whyNotReadBack()},
		{Uncached, p.ReadMode == protocol.ReadDirect || p.IsRemounted(), p.whyNotUncached()},
		{Remounted, p.IsRemounted(),
			whyNot(p.Unmounted, "the volume was not unmounted on the writer's node",
				"the volume was unmounted on the writer's node")},
		{Reattached, p.Reattached.IsYes(),
			whyNot(p.Reattached, "the volume was not detached and attached again",
				"the volume was detached and attached again")},
		{OtherMachine, p.OtherKernel.IsYes(), p.OtherKernel.Reason},
	}
}

// IsRemounted reports whether the condition of the level Remounted holds. A detach is not enough: Kubernetes can detach
// a volume by force while it is still mounted.
func (p *Provenance) IsRemounted() bool {
	return p.Unmounted.IsYes() || p.OtherKernel.IsYes() || p.IsRestarted()
}

// IsRestarted reports whether the kernel that acknowledged the records had ended before the reader used the volume.
func (p *Provenance) IsRestarted() bool { return p.Restarted != nil && p.Restarted.IsYes() }

func (p *Provenance) whyNotReadBack() string {
	if p.Reader == nil {
		return "nothing was read back"
	}
	return whyNot(p.SameVolume, "the writers and the reader did not use the same volume",
		"the writers and the reader used the same volume")
}

func (p *Provenance) whyNotUncached() string {
	if p.ReadMode == protocol.ReadNoCache {
		return "it is unknown whether the journal came from the page cache of the writer's own kernel: " +
			"F_NOCACHE does not evict cached pages"
	}
	if p.ReadMode == "" {
		return "there was no journal to read"
	}
	const noDirect = "the filesystem does not support direct reads (O_DIRECT), so the journal was read through "
	if p.OtherKernel.Answer != No {
		return fmt.Sprintf(noDirect+"a page cache (%s), and it is unknown whether it was that of the "+
			"writer's own kernel: %s", p.ReadMode, p.OtherKernel.Reason)
	}
	return fmt.Sprintf(noDirect+"the page cache of the writer's own kernel (%s); a reader on another node, or an unmount "+
		"before it, reaches this level", p.ReadMode)
}

// whyNot returns the reason for which a condition does not hold: no states that it does not, condition states it.
func whyNot(observed Observation, no, condition string) string {
	if observed.Answer == No {
		return no + ": " + observed.Reason
	}
	return "it is unknown whether " + condition + ": " + observed.Reason
}

// ObserveRestart reports whether the writer's node was started again before the reader used the volume; nil if the pods
// ran on different nodes, or under one kernel. Current is the boot_id that the node itself reports; empty if it is
// unknown. If a pod has its own kernel, its boot_id differs from Current.
func ObserveRestart(writer Location, reader *Location, current string) *Observation {
	if reader == nil || writer.Node != reader.Node || writer.BootID == "" || reader.BootID == "" ||
		writer.BootID == reader.BootID {
		return nil
	}
	var o Observation
	switch current {
	case "":
		o = Observed(Unknown, "the boot_id that %s itself reports is unknown; rbac-optional.yaml grants the permission to "+
			"read it", reader.Node)
	case reader.BootID:
		o = Observed(Yes, "the writer ran under boot_id %s of %s, the reader under %s, and the node itself reports the latter",
			writer.BootID, reader.Node, reader.BootID)
	default:
		o = Observed(Unknown, "the reader ran under boot_id %s and %s itself reports %s: each pod has its own kernel, or the "+
			"node was started again after the reading", reader.BootID, reader.Node, current)
	}
	return &o
}

func otherKernel(writer Location, reader *Location) Observation {
	if reader == nil {
		return Observation{Unknown, "nothing was read back"}
	}
	if writer.BootID == "" || reader.BootID == "" {
		return Observation{Unknown, "the kernel of the writer or of the reader is unknown"}
	}
	sameNode, sameKernel := writer.Node == reader.Node, writer.BootID == reader.BootID
	switch {
	case sameNode && sameKernel:
		return Observation{No, "the reader ran on the writer's node"}
	case sameNode:
		return Observation{Unknown, fmt.Sprintf("both pods ran on %s, but the boot_id differs: each pod has its own "+
			"kernel, or the node was rebooted", reader.Node)}
	case sameKernel:
		return Observation{No, fmt.Sprintf("%s and %s are one machine: they have the same boot_id", writer.Node, reader.Node)}
	default:
		return Observation{Yes, fmt.Sprintf("the kernels of %s and %s have different boot_ids", writer.Node, reader.Node)}
	}
}
