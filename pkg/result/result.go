// Package result is the outcome of a run as data, and in sentences: everything
// a third person needs to believe the verdict without having been there. Every
// other form of a result derives from Result.
//
// It neither judges nor asks the cluster anything.
package result

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// Schema names the form of a Result in JSON.
const Schema = "volume-durability/result/v1alpha1"

// Result is the outcome of a run.
type Result struct {
	Schema string `json:"schema"`
	// Run is unique to the run.
	RunID string `json:"runID"`
	// Began and Ended bound the run, by the experiment's clock.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Verdict is that of the whole run, Reason why in a sentence.
	Verdict judge.Verdict `json:"verdict"`
	Reason  string        `json:"reason"`
	// Settings are all inputs, those that were not set among them.
	Settings options.Settings `json:"settings"`
	Tool     Tool             `json:"tool"`
	Cluster  Cluster          `json:"cluster"`
	// Engine is the ChaosEngine that started the run, if one did.
	Engine *Engine `json:"engine,omitempty"`
	// Cells are the parts of the run, each with its own volume, ledger and verdict.
	// The control is among them.
	Cells []Cell `json:"cells,omitempty"`
	// NotRemoved says what of the run could not be removed.
	NotRemoved string `json:"notRemoved,omitempty"`
	// Snapshot is what the result rests on; it is kept beside it, not in it.
	Snapshot ClusterSnapshot `json:"-"`
}

// ClusterSnapshot is what the cluster showed of a run: nil, not empty, of what could not be seen.
type ClusterSnapshot struct {
	// Objects are the run's own, as they were last seen.
	Objects []runtime.Object
	Events  []corev1.Event
}

// Tool is the program that made the run.
type Tool struct {
	// Version and Commit are those of the build; empty where it has none.
	Version string `json:"version,omitempty"`
	Commit  string `json:"commit,omitempty"`
	// Image is the one that the writers and readers ran, as it was asked for.
	Image string `json:"image,omitempty"`
}

// Cluster is where the run was made. What could not be seen is empty.
type Cluster struct {
	// UID is that of the namespace kube-system, by which clusters are told apart.
	UID     types.UID `json:"uid,omitempty"`
	Server  string    `json:"server,omitempty"`
	Version string    `json:"version,omitempty"`
	// Orchestrator says how it was determined what orchestrates.
	Orchestrator string `json:"orchestrator,omitempty"`
}

// Engine is the ChaosEngine that started a run.
type Engine struct {
	Name           string    `json:"name"`
	Namespace      string    `json:"namespace"`
	UID            types.UID `json:"uid"`
	Result         string    `json:"result"` // the ChaosResult's name
	ResultUID      types.UID `json:"resultUID,omitempty"`
	ServiceAccount string    `json:"serviceAccount,omitempty"`
}

// Cell is one volume's part of a run.
type Cell struct {
	Plan    options.CellSpec `json:"plan"`
	Verdict judge.Verdict    `json:"verdict"`
	Reason  string           `json:"reason"`
	Journal journal.Format   `json:"journal"`
	// File is the journal's path in the pods.
	File string `json:"file"`
	// Path is the folder or device under test, in a run without a cluster.
	Path   string       `json:"path,omitempty"`
	Claim  *Claim       `json:"claim,omitempty"`
	Epochs []Epoch      `json:"epochs,omitempty"`
	Reader *JournalRead `json:"reader,omitempty"`
	// Acks are the acknowledgements that the storage was held to.
	Acks []ledger.Ack `json:"acks,omitempty"`
	// Findings are those of all looks, and what the volume refused to the pods.
	Findings []judge.Finding `json:"findings,omitempty"`
	// Provenance is what happened to the volume between the last writer and the reader.
	Provenance provenance.History `json:"provenance"`
	// Latency is of the commits of all epochs; nil where none was heard of.
	Latency *Latency `json:"latency,omitempty"`
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
	Volume       string    `json:"volume,omitempty"` // the PersistentVolume's name
	Created      bool      `json:"created"`          // by this run
	// AccessModes are those that the volume was bound with.
	AccessModes []string `json:"accessModes,omitempty"`
	// Provisioner made the volume, and Handle is its driver's name for it; empty where
	// they may not be seen.
	Provisioner string `json:"provisioner,omitempty"`
	Handle      string `json:"handle,omitempty"`
}

// Pod is one of the run's pods.
type Pod struct {
	Name string    `json:"name"`
	UID  types.UID `json:"uid"`
	Node string    `json:"node"`
	// ImageID is what the node ran, with its digest where the runtime knows one.
	ImageID string `json:"imageID,omitempty"`
	// When its parts were first seen to be there, by the experiment's clock; zero
	// where that was not seen.
	Created   time.Time `json:"created,omitzero"`
	Scheduled time.Time `json:"scheduled,omitzero"`
	Attached  time.Time `json:"attached,omitzero"` // the volume, to the pod's node
	// Mounted is when the pod was ready for its containers, its volume mounted.
	Mounted time.Time `json:"mounted,omitzero"`
	Started time.Time `json:"started,omitzero"` // its container
}

// Epoch is one incarnation of the writer.
type Epoch struct {
	Number int `json:"number"`
	Pod
	// Mount is what the writer's path was on, BootID the kernel that it ran on.
	Mount  protocol.Mount `json:"mount"`
	BootID string         `json:"bootID,omitempty"`
	// FirstAckAt is when the experiment first heard that something is safe.
	FirstAckAt time.Time `json:"firstAckAt,omitzero"`
	// First is the first acknowledgement that was heard, by the writer's clock.
	FirstAck *ledger.Ack `json:"firstAck,omitempty"`
	// Acks are some of the acknowledgements as they were heard, in order.
	Acks []AckSample `json:"acks,omitempty"`
	// AckedAtDeletion is how many records were acknowledged, in all epochs, when the writer was to be deleted.
	AckedAtDeletion uint64 `json:"ackedAtDeletion,omitempty"`
	// Grace is the deletion's grace period in seconds; nil for the pod's own, 30.
	Grace *int64 `json:"grace,omitempty"`
	// Deleting and Gone bound its deletion.
	Deleting time.Time `json:"deleting,omitzero"`
	Gone     time.Time `json:"gone,omitzero"`
	// Problem is why the writer had ended before it was deleted, if it had.
	ExitError *protocol.OpError `json:"exitError,omitempty"`
	// Found is what the writer found before it wrote; nil for the first, and
	// where it could not be heard.
	InitialRead *JournalRead `json:"initialRead,omitempty"`
}

// AckSample is an acknowledgement on its arrival.
type AckSample struct {
	At  time.Time `json:"at"`
	Seq uint64    `json:"seq"`
}

// JournalRead is what a pod saw of the journal, and what the judge made of it.
type JournalRead struct {
	Pod
	// Seen is when the experiment heard of it.
	Seen       time.Time           `json:"seen,omitzero"`
	ScanResult protocol.ScanResult `json:"scan"`
	Judgement  judge.Judgement     `json:"judgement"`
}

// HasLogData says whether there is anything in the journal for a person to read, as
// STIG check V-260932 asks. Zeros and line ends are nothing.
func (l JournalRead) HasLogData() bool {
	s := l.ScanResult
	if s.Records > 0 || len(s.Foreign) > 0 || s.Unlisted > 0 {
		return true
	}
	return slices.ContainsFunc(s.Damage, func(d journal.Damage) bool { return !d.Blank && d.Zeros < d.Length })
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
	promised := ledger.Count(c.Acks)
	if promised == 0 || len(c.Epochs) == 0 {
		return "Nothing was acknowledged: nothing is at stake"
	}
	return fmt.Sprintf("%s writes to %s and was told that its data is safe", c.Epochs[0].Pod.Name, c.storage())
}

func (c Cell) storage() string {
	if c.Path != "" {
		return c.Path
	}
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
	promised := ledger.Count(c.Acks)
	switch c.Verdict {
	case judge.Pass:
		return fmt.Sprintf("%s acknowledged records verified after %s, 0 lost; %s", judge.FormatCount(promised), counted(c.Deletions(), "deletion"), c.readWhere()) + c.noted()
	case judge.Fail:
		return fmt.Sprintf("%s; %s records were acknowledged, %s", judge.Summary(c.Findings), judge.FormatCount(promised), counted(c.Deletions(), "deletion")) + c.noted()
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
	return where + accesses[c.Reader.ScanResult.ReadMode]
}

// accesses are the ways of reading, in words.
var accesses = map[protocol.ReadMode]string{
	protocol.ReadDirect:  ", past the page cache",
	protocol.ReadDropped: ", after the page cache was asked to drop it",
	protocol.ReadCached:  ", through the page cache",
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
