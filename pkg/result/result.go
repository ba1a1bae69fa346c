// Package result defines the result of a run, as data and as text. Every report is generated from a Result.
//
// It judges nothing and does not access the cluster.
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
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// Schema is the version of a Result's JSON.
const Schema = "volume-durability/result/v1alpha1"

// Result is the result of a run.
type Result struct {
	Schema string `json:"schema"`
	// RunID is unique to the run.
	RunID string `json:"runID"`
	// StartedAt is the start of the run, by the experiment's clock.
	StartedAt time.Time `json:"startedAt"`
	// EndedAt is the end of the run, by the experiment's clock.
	EndedAt time.Time `json:"endedAt"`
	// Verdict is the verdict of the whole run. It is never Skipped, which is a verdict of cells only.
	Verdict judge.Verdict `json:"verdict"`
	// Reason is the reason for the verdict, in one or more sentences.
	Reason string `json:"reason"`
	// Options holds the value of every option, defaults included.
	Options options.Values `json:"options"`
	Tool    Tool           `json:"tool"`
	Cluster Cluster        `json:"cluster"`
	// Engine is the ChaosEngine that started the run; absent if a user started it.
	Engine *Engine `json:"engine,omitempty"`
	// Phases are the phases of the run, from its start to its end.
	Phases []Phase `json:"phases,omitempty"`
	// Cells are the cells of the run, including the control.
	Cells []Cell `json:"cells,omitempty"`
	// NotRemoved lists what the run created but could not remove, with the errors.
	NotRemoved string `json:"notRemoved,omitempty"`
	// Snapshot is not a part of the JSON: the bundle has files of its own for it.
	Snapshot ClusterSnapshot `json:"-"`
}

// ClusterSnapshot is the run's objects and their events as last seen in the cluster. A list is nil, not empty, if it
// could not be read.
type ClusterSnapshot struct {
	Objects []runtime.Object
	Events  []corev1.Event
}

// Tool is the program that made the run.
type Tool struct {
	// Version is the version of the build; absent if unknown.
	Version string `json:"version,omitempty"`
	// Commit is the commit of the build; absent if unknown.
	Commit string `json:"commit,omitempty"`
	// Image is the image of the writers and the readers, as requested.
	Image string `json:"image,omitempty"`
}

// Cluster is the cluster under test. Unknown fields are absent.
type Cluster struct {
	// UID is the UID of the namespace kube-system, which identifies a cluster.
	UID types.UID `json:"uid,omitempty"`
	// Server is the URL of the API server.
	Server string `json:"server,omitempty"`
	// Version is the version of Kubernetes.
	Version string `json:"version,omitempty"`
	// Orchestrator is the orchestrator of the containers, and how it was detected.
	Orchestrator string `json:"orchestrator,omitempty"`
	// StorageClasses are the StorageClasses of the run's claims.
	StorageClasses []StorageClass `json:"storageClasses,omitempty"`
	// CSIDrivers are the CSI drivers of these StorageClasses, and of an existing claim.
	CSIDrivers []CSIDriver `json:"csiDrivers,omitempty"`
	// Warnings lists each warning of the API server once, for example that an API is deprecated, or that a stricter
	// Pod Security Standard would reject a pod.
	Warnings []string `json:"warnings,omitempty"`
}

// Engine is the ChaosEngine that started the run.
type Engine struct {
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	UID       types.UID `json:"uid"`
	// ChaosResult is the name of the ChaosResult.
	ChaosResult    string    `json:"chaosResult"`
	ChaosResultUID types.UID `json:"chaosResultUID,omitempty"`
	ServiceAccount string    `json:"serviceAccount,omitempty"`
}

// Cell is the result of one cell of the run.
type Cell struct {
	Spec    options.CellSpec `json:"spec"`
	Verdict judge.Verdict    `json:"verdict"`
	// Reason is the reason for the verdict, in one or more sentences.
	Reason  string         `json:"reason"`
	Journal journal.Format `json:"journal"`
	// Layout is the write pattern and the number of its objects; absent for append.
	Layout pattern.Layout `json:"layout,omitzero"`
	// JournalFile is the path of the journal in the pods.
	JournalFile string `json:"journalFile"`
	// Target is the folder or device under test in a local run; absent in a run on a cluster.
	Target string `json:"target,omitempty"`
	// Claim is absent if the volume is an emptyDir, or if the run is local.
	Claim *Claim `json:"claim,omitempty"`
	// Epochs are the writers, in the order in which they ran. If there are more than 100, brief has those that this list
	// leaves out.
	Epochs []Epoch `json:"epochs,omitempty"`
	// Brief has the writers that the list of epochs leaves out; absent if it leaves out none.
	Brief *BriefEpochs `json:"brief,omitempty"`
	// Reader is the final read of the journal; absent if it was not read back.
	Reader *JournalRead `json:"reader,omitempty"`
	// Acks is the ledger: the highest acknowledgement of each epoch. It covers all earlier records of that epoch.
	Acks []ledger.Ack `json:"acks,omitempty"`
	// Findings are the findings of all reads, and the failures of the volume.
	Findings []judge.Finding `json:"findings,omitempty"`
	// Provenance is what happened to the volume between the last writer and the reader.
	Provenance provenance.Provenance `json:"provenance"`
	// Latency is the commit latency over all epochs; absent if no writer reported any.
	Latency *Latency `json:"latency,omitempty"`
	// Trace shows where the time of the cell went; absent for a cell for which nothing was created.
	Trace *Trace `json:"trace,omitempty"`
	// Thresholds are the thresholds of the run, compared with the figures of the cell; absent if the run has none, for
	// the control, and for a cell that ended early.
	Thresholds []Threshold `json:"thresholds,omitempty"`
	// Notes are observations that do not affect the verdict.
	Notes []string `json:"notes,omitempty"`
	// NotShown lists what this run does not prove, even with a Pass.
	NotShown []string `json:"notShown,omitempty"`
}

// Claim is the claim under test and its volume.
type Claim struct {
	Name         string    `json:"name"`
	UID          types.UID `json:"uid"`
	StorageClass string    `json:"storageClass,omitempty"`
	// Volume is the PersistentVolume's name.
	Volume string `json:"volume,omitempty"`
	// Created reports whether this run created the claim.
	Created bool `json:"created"`
	// BoundAt is when the experiment first observed that the claim was bound; absent if this run did not create it.
	BoundAt time.Time `json:"boundAt,omitzero"`
	// AccessModes are the access modes of the bound volume.
	AccessModes []string `json:"accessModes,omitempty"`
	// Provisioner is the provisioner of the volume; absent if the PersistentVolume could not be read.
	Provisioner string `json:"provisioner,omitempty"`
	// MountOptions are those of the PersistentVolume; absent if it has none or could not be read.
	MountOptions []string `json:"mountOptions,omitempty"`
	// Handle is the volume handle of the CSI driver; absent if the PersistentVolume could not be read.
	Handle string `json:"handle,omitempty"`
}

// Pod is one of the run's pods. A step that was not observed is absent.
type Pod struct {
	Name string    `json:"name"`
	UID  types.UID `json:"uid"`
	Node string    `json:"node"`
	// ImageID is the image that the node ran, with its digest if the runtime reports one.
	ImageID string `json:"imageID,omitempty"`
	// CreatedAt is when the run first observed the pod.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// ScheduledAt is when the run observed that the pod was assigned to its node.
	ScheduledAt time.Time `json:"scheduledAt,omitzero"`
	// AttachedAt is when the run observed that the volume was attached to the pod's node.
	AttachedAt time.Time `json:"attachedAt,omitzero"`
	// MountedAt is when the run observed that the pod was ready to start its containers, with the volume mounted.
	MountedAt time.Time `json:"mountedAt,omitzero"`
	// StartedAt is when the run observed that the container had started.
	StartedAt time.Time `json:"startedAt,omitzero"`
}

// Epoch is the lifetime of one writer.
type Epoch struct {
	// Number counts from 1.
	Number int `json:"number"`
	Pod
	// Mount is the mount of the writer's path.
	Mount protocol.Mount `json:"mount"`
	// BootID identifies the kernel on which the writer ran.
	BootID string `json:"bootID,omitempty"`
	// Kernel is the release of that kernel.
	Kernel string `json:"kernel,omitempty"`
	// FirstAckAt is when the experiment received the first acknowledgement.
	FirstAckAt time.Time `json:"firstAckAt,omitzero"`
	// FirstAck is the first acknowledgement that the experiment received.
	FirstAck *ledger.Ack `json:"firstAck,omitempty"`
	// Acks is a sample of the acknowledgements, in the order in which they were received.
	Acks []AckSample `json:"acks,omitempty"`
	// AckedAtDeletion is how many records of all epochs were acknowledged when this writer was deleted.
	AckedAtDeletion uint64 `json:"ackedAtDeletion,omitempty"`
	// GracePeriodSeconds is the grace period of the deletion in seconds: 0 if it was forced, otherwise that of the pod.
	// It is absent in a local run.
	GracePeriodSeconds *int64 `json:"gracePeriodSeconds,omitempty"`
	// DeletionRequestedAt is when the deletion of the writer was requested.
	DeletionRequestedAt time.Time `json:"deletionRequestedAt,omitzero"`
	// DeletedAt is when the run observed that the deleted writer no longer existed.
	DeletedAt time.Time `json:"deletedAt,omitzero"`
	// APIOutage is the part of the recovery after this deletion in which the API server was unavailable.
	APIOutage time.Duration `json:"apiOutage,omitempty"`
	// ExitError is the error with which the writer exited by itself; absent if it did not.
	ExitError *protocol.OpError `json:"exitError,omitempty"`
	// ExitedAt is when the run received that error.
	ExitedAt time.Time `json:"exitedAt,omitzero"`
	// InitialRead is the writer's read of the journal before its first commit. It is absent for the first writer, which
	// has no acknowledged record to find, and if the pod's log could not be read.
	InitialRead *JournalRead `json:"initialRead,omitempty"`
}

// AckSample is an acknowledgement, and the time at which the experiment received it.
type AckSample struct {
	ReceivedAt time.Time `json:"receivedAt"`
	Seq        uint64    `json:"seq"`
}

// JournalRead is the scan of the whole journal by one pod, and the judgement of the scan.
type JournalRead struct {
	Pod
	// ReceivedAt is when the experiment received the scan result.
	ReceivedAt time.Time           `json:"receivedAt,omitzero"`
	ScanResult protocol.ScanResult `json:"scan"`
	// ListedByNext is what the lists of the scan omit; absent if they are complete.
	ListedByNext *ListedByNext   `json:"listedByNext,omitempty"`
	Judgement    judge.Judgement `json:"judgement"`
}

// ListedByNext is how many entries the lists of a scan omit at their start. The lists of the next read in the result
// start with the same entries. Without this, the result of a run would grow with the square of its deletions.
type ListedByNext struct {
	// Segments is the number of omitted segments.
	Segments int `json:"segments"`
	// Digests is the number of omitted digests.
	Digests int `json:"digests"`
}

// minOmitted is the minimum number of segments that a scan omits. The results of short runs are easier to read without
// omissions.
const minOmitted = 100

// OmitWhatNextLists removes the entries from the lists of the scan with which the lists of the next read start.
func (r *JournalRead) OmitWhatNextLists(next protocol.ScanResult) {
	scan := &r.ScanResult
	segments, digests := commonStart(scan.Segments, next.Segments), commonStart(scan.Digests, next.Digests)
	if segments < minOmitted || r.ListedByNext != nil {
		return
	}
	r.ListedByNext = &ListedByNext{Segments: segments, Digests: digests}
	// A clone of an empty slice would keep the memory of the list.
	scan.Segments = append([]journal.Segment(nil), scan.Segments[segments:]...)
	scan.Digests = append([]journal.Digest(nil), scan.Digests[digests:]...)
}

// KnownLists returns the lists of the scan, if they are complete and so long that the next read need not list them
// again.
func (r *JournalRead) KnownLists() protocol.KnownLists {
	if len(r.ScanResult.Segments) < minOmitted || r.ListedByNext != nil {
		return protocol.KnownLists{}
	}
	return protocol.KnownLists{Segments: r.ScanResult.Segments, Digests: r.ScanResult.Digests}
}

// commonStart returns how many entries at their start two lists have in common.
func commonStart[T comparable](a, b []T) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// HasLogData reports whether the journal contains log data in the sense of STIG check V-260932: any byte except zeros
// and empty lines.
func (r JournalRead) HasLogData() bool {
	s := r.ScanResult
	if s.Records > 0 || len(s.Foreign) > 0 || s.Unlisted > 0 {
		return true
	}
	return slices.ContainsFunc(s.Damage, func(d journal.Damage) bool { return !d.Blank && d.Zeros < d.Length })
}

// Deletions returns how many writers were deleted.
func (c Cell) Deletions() int {
	n := c.Writers() - len(c.Epochs) // a writer in the middle of a run was deleted
	for _, e := range c.Epochs {
		if !e.DeletionRequestedAt.IsZero() {
			n++
		}
	}
	return n
}

// WriteSentence returns a sentence on what was written before the chaos.
func (c Cell) WriteSentence() string {
	if ledger.CountRecords(c.Acks) == 0 || len(c.Epochs) == 0 {
		return "No record was acknowledged"
	}
	writer := "Pod " + c.Epochs[0].Pod.Name
	if c.IsLocal() {
		writer = "The " + c.Epochs[0].Pod.Name
	}
	return fmt.Sprintf("%s wrote acknowledged records to %s", writer, c.VolumeName())
}

// IsLocal reports whether the cell is that of a local run: its pods are processes.
func (c Cell) IsLocal() bool { return c.Spec.VolumeSource == options.Local }

// KillSignal returns the signal that a local run sends to the writer.
func (c Cell) KillSignal() string {
	if c.Spec.Force {
		return "SIGKILL"
	}
	return "SIGTERM"
}

// VolumeName describes the volume of a cell in a phrase.
func (c Cell) VolumeName() string {
	if c.Target != "" {
		return c.Target
	}
	if c.Claim == nil {
		return c.plannedVolume()
	}
	name := "claim " + c.Claim.Name
	if c.Claim.StorageClass != "" {
		name += " (StorageClass " + c.Claim.StorageClass + ")"
	}
	return name
}

// plannedVolume describes the volume of a cell that has no claim, or none yet.
func (c Cell) plannedVolume() string {
	switch {
	case c.Spec.VolumeSource == options.EmptyDir:
		return "an emptyDir"
	case c.Spec.ExistingClaim != "":
		return "claim " + c.Spec.ExistingClaim
	case c.Spec.StorageClass != "":
		return "a claim of StorageClass " + c.Spec.StorageClass
	}
	return "a claim of the default StorageClass"
}

// VerificationSentence returns a sentence on the outcome of the verification.
func (c Cell) VerificationSentence() string {
	switch c.Verdict {
	case judge.Pass:
		return c.intactSentence() + c.notesSentence()
	case judge.Fail:
		if c.IsOnlyTooSlow() {
			return fmt.Sprintf("%s. %s", judge.Summary(c.Findings), c.intactSentence()) + c.notesSentence()
		}
		return fmt.Sprintf("%s. %s", judge.Summary(c.Findings), c.totalSentence()) + c.notesSentence()
	default:
		return c.Reason
	}
}

// totalSentence states how much was tested in a cell.
func (c Cell) totalSentence() string {
	acknowledged, deletions := ledger.CountRecords(c.Acks), c.Deletions()
	ended := "deleted"
	if c.IsLocal() {
		ended = "killed"
	}
	return fmt.Sprintf("In total, %s %s acknowledged, and %s %s %s", judge.Count(acknowledged, "record"),
		judge.WasOrWere(acknowledged), judge.Count(deletions, "writer"), judge.WasOrWere(deletions), ended)
}

// intactSentence states what was verified in a cell without loss.
func (c Cell) intactSentence() string {
	return fmt.Sprintf("%s after %s; %s", c.intactPhrase(), judge.Count(c.Deletions(), c.DeletionNoun()), c.readPhrase())
}

// intactPhrase states that all acknowledged records are intact.
func (c Cell) intactPhrase() string {
	j := judge.Judgement{Acknowledged: ledger.CountRecords(c.Acks)}
	if c.Reader != nil {
		j.Superseded, j.Removed = c.Reader.Judgement.Superseded, c.Reader.Judgement.Removed
	}
	phrase := j.IntactPhrase()
	return strings.ToUpper(phrase[:1]) + phrase[1:]
}

// DeletionNoun returns the noun for one deletion: a local run kills a process.
func (c Cell) DeletionNoun() string {
	if c.IsLocal() {
		return "kill"
	}
	return "deletion"
}

func (c Cell) notesSentence() string {
	if len(c.Notes) == 0 {
		return ""
	}
	return ". Note: " + strings.Join(c.Notes, "; ")
}

// readPhrase describes where and how the journal was read back.
func (c Cell) readPhrase() string {
	if c.Reader == nil || len(c.Epochs) == 0 {
		return "not read back"
	}
	writer := c.Epochs[len(c.Epochs)-1].Node
	where := fmt.Sprintf("read on %s, last written on %s", c.Reader.Node, writer)
	switch {
	case c.Reader.Node != writer:
	case c.IsLocal():
		where = "read by a new process on the same machine"
	default:
		where = fmt.Sprintf("read on %s, the last writer's own node", c.Reader.Node)
	}
	return where + readModePhrases[c.Reader.ScanResult.ReadMode]
}

var readModePhrases = map[protocol.ReadMode]string{
	protocol.ReadDirect:  ", bypassing the page cache",
	protocol.ReadDropped: ", after asking the kernel to drop the file from the page cache",
	protocol.ReadNoCache: ", without adding to the page cache, which may have been used",
	protocol.ReadCached:  ", through the page cache",
}
