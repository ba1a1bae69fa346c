// Package evidence is the outcome of a run as data, and in sentences: everything
// a third person needs to believe the verdict without having been there. Every
// other form of a result derives from Result.
//
// It neither judges nor asks the cluster anything.
package evidence

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/witness"
)

// Schema names the form of a Result in JSON.
const Schema = "volume-durability/result/v1alpha1"

// Result is the outcome of a run.
type Result struct {
	Schema   string          `json:"schema"`
	Run      string          `json:"run"`
	Began    time.Time       `json:"began"`
	Ended    time.Time       `json:"ended"`
	Verdict  judge.Verdict   `json:"verdict"`
	Reason   string          `json:"reason"`
	Settings inputs.Settings `json:"settings"`
	// Cells are the parts of the run, each with its own volume, ledger and verdict.
	Cells []Cell `json:"cells,omitempty"`
	// LeftBehind says what of the run could not be removed.
	LeftBehind string `json:"leftBehind,omitempty"`
}

// Cell is one volume's part of a run.
type Cell struct {
	Verdict judge.Verdict  `json:"verdict"`
	Reason  string         `json:"reason"`
	Journal journal.Format `json:"journal"`
	Claim   *Claim         `json:"claim,omitempty"`
	Epochs  []Epoch        `json:"epochs,omitempty"`
	Reader  *Look          `json:"reader,omitempty"`
	// Promises are the acknowledgements that the storage was held to.
	Promises []ledger.Ack `json:"promises,omitempty"`
	// Findings are those of all looks, and what the volume refused to the pods.
	Findings []judge.Finding `json:"findings,omitempty"`
	// Notes say what is worth knowing and is not held against the storage.
	Notes []string `json:"notes,omitempty"`
	// NotShown says what a Pass does not prove.
	NotShown []string `json:"notShown,omitempty"`
}

// Claim is the claim under test and the volume behind it.
type Claim struct {
	Name         string    `json:"name"`
	UID          types.UID `json:"uid"`
	StorageClass string    `json:"storageClass,omitempty"`
	Volume       string    `json:"volume,omitempty"`
	Made         bool      `json:"made"` // by this run
}

// Pod is one of the run's pods.
type Pod struct {
	Name string    `json:"name"`
	UID  types.UID `json:"uid"`
	Node string    `json:"node"`
}

// Epoch is one incarnation of the writer.
type Epoch struct {
	Number int `json:"number"`
	Pod
	// Mount is what the writer's path was on.
	Mount   witness.Mount `json:"mount"`
	Created time.Time     `json:"created"`
	// FirstAck is when the experiment first heard that something is safe.
	FirstAck time.Time `json:"firstAck,omitzero"`
	// Deleting and Gone bound its deletion.
	Deleting time.Time `json:"deleting,omitzero"`
	Gone     time.Time `json:"gone,omitzero"`
	// Problem is why the writer had ended before it was deleted, if it had.
	Problem *witness.Problem `json:"problem,omitempty"`
	// Found is what the writer found before it wrote; nil for the first, and
	// where it could not be heard.
	Found *Look `json:"found,omitempty"`
}

// Look is what a pod saw of the journal, and what the judge made of it.
type Look struct {
	Pod
	Sighting  witness.Sighting `json:"sighting"`
	Judgement judge.Judgement  `json:"judgement"`
}

// Deletions counts the writers that were deleted.
func (c Cell) Deletions() int {
	n := 0
	for _, e := range c.Epochs {
		if !e.Deleting.IsZero() {
			n++
		}
	}
	return n
}

// Written says in a sentence that there is something at stake.
func (c Cell) Written() string {
	promised := ledger.Records(c.Promises)
	if promised == 0 || len(c.Epochs) == 0 {
		return "Nothing was acknowledged: nothing is at stake"
	}
	return fmt.Sprintf("%s writes to %s and was told that its data is safe", c.Epochs[0].Pod.Name, c.storage())
}

func (c Cell) storage() string {
	if c.Claim == nil {
		return "an emptyDir"
	}
	s := "claim " + c.Claim.Name
	if c.Claim.StorageClass != "" {
		s += " (StorageClass " + c.Claim.StorageClass + ")"
	}
	return s
}

// Verified says in a sentence what the verification came to.
func (c Cell) Verified() string {
	promised := ledger.Records(c.Promises)
	switch c.Verdict {
	case judge.Pass:
		return fmt.Sprintf("%s acknowledged records verified after %s, 0 lost; %s", grouped(promised), counted(c.Deletions(), "deletion"), c.readWhere()) + c.noted()
	case judge.Fail:
		return fmt.Sprintf("%s; %s records were acknowledged, %s", judge.Summary(c.Findings), grouped(promised), counted(c.Deletions(), "deletion")) + c.noted()
	default:
		return c.Reason
	}
}

func (c Cell) noted() string {
	if len(c.Notes) == 0 {
		return ""
	}
	return ". Note: " + strings.Join(c.Notes, "; ")
}

func (c Cell) readWhere() string {
	if c.Reader == nil || len(c.Epochs) == 0 {
		return "not read back"
	}
	writer := c.Epochs[len(c.Epochs)-1].Node
	where := fmt.Sprintf("read on %s, written on %s", c.Reader.Node, writer)
	if c.Reader.Node == writer {
		where = fmt.Sprintf("read on %s, the writer's own node", c.Reader.Node)
	}
	return where + accesses[c.Reader.Sighting.Access]
}

// accesses are the ways of reading, in words.
var accesses = map[witness.Access]string{
	witness.AccessDirect:  ", past the page cache",
	witness.AccessDropped: ", after the page cache was asked to drop it",
	witness.AccessCached:  ", through the page cache",
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// grouped writes a number with its thousands apart.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
