// Package provenance is the chain of custody of a volume between the pod that wrote
// to it and the pod that read it back: what is known of where it was in between,
// and how strong the evidence of a verdict is by that.
//
// It is pure: it weighs facts that others have gathered, and asks nobody.
package provenance

import (
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Level is how strong the evidence is, in one order: each level has what the
// lower ones have. docs/evidence.md says what each does and does not prove.
type Level int

// The levels.
const (
	// None: nothing was read back, or not from the volume that was written to.
	None Level = iota
	// ReadBack: another pod read the data. The memory of the writer's node may have
	// answered in the storage's place.
	ReadBack
	// Uncached: what was read did not come from the page cache that was written to.
	Uncached
	// Remounted: the filesystem was unmounted, or the device closed, on the writer's
	// node before the reader had it, or another node's kernel mounted it.
	Remounted
	// Reattached: the volume was detached from the writer's node and attached again
	// for the reader.
	Reattached
	// OtherMachine: it was attached anew, to another node with another kernel.
	OtherMachine
)

var names = []string{"none", "read-back", "uncached", "remounted", "reattached", "other-machine"}

// Names are those of all levels, the weakest first.
func Names() []string { return append([]string(nil), names...) }

func (l Level) String() string { return names[l] }

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a level's name.
func (l *Level) UnmarshalText(text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*l = Level(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no level of evidence: want one of %s", text, strings.Join(names, ", "))
}

// Answer is what is known of a question.
type Answer string

// The answers. The zero value is no answer, and counts as Unknown.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Observation is an answer, and how it is known or why it is not.
type Observation struct {
	Answer Answer `json:"answer"`
	Reason string `json:"reason"`
}

// Is says whether the answer is yes. What is not known is not reached.
func (f Observation) IsYes() bool { return f.Answer == Yes }

// Location is where a pod had the volume.
type Location struct {
	Node string `json:"node"`
	// BootID identifies one start of one kernel (/proc/sys/kernel/random/boot_id). Two
	// nodes with the same one are on one machine.
	BootID string         `json:"bootID,omitempty"`
	Mount  protocol.Mount `json:"mount"`
}

// History is what happened to a volume between the last writer and the reader.
type History struct {
	Level Level `json:"level"`
	// Missing says why the next higher level was not reached; empty at the highest.
	NotReached string    `json:"notReached,omitempty"`
	Writer     Location  `json:"writer"`
	Reader     *Location `json:"reader,omitempty"` // nil where nothing was read back
	// ReadMode is how the reader read.
	ReadMode protocol.ReadMode `json:"readMode,omitempty"`
	// SameVolume says whether every writer and the reader had the same volume at their path.
	SameVolume Observation `json:"sameVolume"`
	// Unmounted says whether the volume was unmounted on the writer's node before the reader had it.
	Unmounted Observation `json:"unmounted"`
	// Reattached says whether it was detached, and attached again by another attachment.
	Reattached Observation `json:"reattached"`
	// OtherKernel says whether the reader's kernel is another than the writer's.
	OtherKernel Observation `json:"otherKernel"`
}

// Evaluate sets the level, and what is missing to the next one.
func (c *History) Evaluate() {
	c.OtherKernel = otherKernel(c.Writer, c.Reader)
	c.Level, c.NotReached = None, ""
	for _, step := range []struct {
		level   Level
		reached bool
		missing string
	}{
		{ReadBack, c.Reader != nil && c.SameVolume.IsYes(), c.whyNotRead()},
		{Uncached, c.ReadMode == protocol.ReadDirect || c.remounted(), "it was read through the page cache of the writer's own kernel: " + string(c.ReadMode)},
		{Remounted, c.remounted(), "that it was unmounted on the writer's node is not known: " + c.Unmounted.Reason},
		{Reattached, c.Reattached.IsYes(), "that it was detached and attached anew is not known: " + c.Reattached.Reason},
		{OtherMachine, c.Reattached.IsYes() && c.OtherKernel.IsYes(), c.OtherKernel.Reason},
	} {
		if !step.reached {
			c.NotReached = step.missing
			return
		}
		c.Level = step.level
	}
}

func (c *History) remounted() bool {
	return c.Unmounted.IsYes() || c.Reattached.IsYes() || c.OtherKernel.IsYes()
}

func (c *History) whyNotRead() string {
	if c.Reader == nil {
		return "nothing was read back"
	}
	return "that it was the same volume is not known: " + c.SameVolume.Reason
}

func otherKernel(writer Location, reader *Location) Observation {
	switch {
	case reader == nil:
		return Observation{Unknown, "nothing was read back"}
	case writer.BootID == "" || reader.BootID == "":
		return Observation{Unknown, "which kernels the pods ran on is not known"}
	case writer.BootID != reader.BootID && writer.Node == reader.Node:
		return Observation{Unknown, fmt.Sprintf("both pods ran on %s under kernels that were started apart (boot_id): pods that have kernels of their own, or a node that was started again", reader.Node)}
	case writer.BootID != reader.BootID:
		return Observation{Yes, fmt.Sprintf("the kernels of %s and %s were started apart (boot_id)", writer.Node, reader.Node)}
	case writer.Node == reader.Node:
		return Observation{No, "the reader ran on the writer's node"}
	default:
		return Observation{No, fmt.Sprintf("%s and %s are on one machine: their kernel is the same (boot_id)", writer.Node, reader.Node)}
	}
}
