// Package options is the one table of everything a user can set: names, defaults,
// what each means and how its value is read. Parsing, the documentation and the
// charts' env lists all come from it or are checked against it.
//
// It reads values and judges their form. It talks to no cluster.
package options

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// VolumeSource is what the pods mount.
type VolumeSource string

// The volume sources.
const (
	// Claim is a PersistentVolumeClaim: what the run is about.
	Claim VolumeSource = "claim"
	// EmptyDir forgets everything with each pod: the control that must fail.
	EmptyDir VolumeSource = "emptyDir"
	// Local is a folder or device of this machine, without a cluster. It is no value of
	// VOLUME_SOURCE.
	Local VolumeSource = "local"
)

// ReaderNode is where the reader runs: one of the words below, or a node's name.
type ReaderNode string

// The words for a reader's node.
const (
	AnyNode   ReaderNode = "any"
	SameNode  ReaderNode = "same"
	OtherNode ReaderNode = "other"
)

// Orchestrator is what runs the containers of the cluster under test.
type Orchestrator string

// The orchestrators of Mirantis Kubernetes Engine; Auto looks at the nodes' labels.
const (
	Auto       Orchestrator = "auto"
	Kubernetes Orchestrator = "kubernetes"
	Swarm      Orchestrator = "swarm"
)

// Settings are the inputs of one run, read and checked.
type Settings struct {
	Duration time.Duration `json:"duration"`
	Interval time.Duration `json:"interval"`
	// LeastInterval is the lower bound of random intervals; 0 where they are not random.
	LeastInterval time.Duration `json:"leastInterval,omitempty"`
	Randomness    bool          `json:"randomness"`
	RampTime      time.Duration `json:"rampTime"`
	// Forces has more than one value where both kinds of deletion are to be tried; so
	// with the other lists below: every combination is a cell.
	Forces []bool `json:"forces"`
	// Serial says that writers are deleted one after another, not all at once.
	Serial bool `json:"serial"`
	// TargetPods are the writers to delete at each interval; none for all.
	TargetPods []string `json:"targetPods,omitempty"`
	// Affected is the percentage of them that is deleted at each interval; 0 for all.
	Affected int `json:"affected,omitempty"`

	Namespace    string       `json:"namespace"`
	VolumeSource VolumeSource `json:"volumeSource"`
	// StorageClasses holds an empty name for the cluster's default, AllClasses for all.
	StorageClasses []string          `json:"storageClasses"`
	ExistingClaim  string            `json:"existingClaim,omitempty"`
	ClaimName      string            `json:"claimName"`
	ClaimSize      resource.Quantity `json:"claimSize"`
	// ClaimTemplate is a file with the manifest of a claim; empty for none.
	ClaimTemplate string                              `json:"claimTemplate,omitempty"`
	AccessModes   []corev1.PersistentVolumeAccessMode `json:"accessModes"`
	VolumeModes   []corev1.PersistentVolumeMode       `json:"volumeModes"`
	WriterPod     string                              `json:"writerPod"`
	ReaderPod     string                              `json:"readerPod"`
	ReaderNodes   []ReaderNode                        `json:"readerNodes"`
	// ParallelCells is how many cells are tried at once at most.
	ParallelCells int  `json:"parallelCells"`
	Keep          bool `json:"keep"`

	// RequiredEvidence is the level below which no cell passes.
	RequiredEvidence provenance.Level `json:"requiredEvidence"`
	NegativeControl  bool             `json:"negativeControl"`
	// BundleConfigMap names the ConfigMap that keeps the evidence; empty for the customary name.
	BundleConfigMap string `json:"bundleConfigMap,omitempty"`

	JournalFile string `json:"journalFile"`
	// RecordSize is in bytes, WriteRate in records a second, 0 for no limit.
	RecordSize int     `json:"recordSize"`
	WriteRate  float64 `json:"writeRate"`

	// Image is empty where the experiment's own is to be used.
	Image           string            `json:"image,omitempty"`
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy"`
	Orchestrator    Orchestrator      `json:"orchestrator"`

	// StatusTimeout bounds each wait for an object of the cluster, VerifyTimeout
	// the reading of the journal.
	StatusTimeout time.Duration `json:"statusTimeout"`
	VerifyTimeout time.Duration `json:"verifyTimeout"`
}

// NoBundle is the Evidence of a run that keeps none in the cluster.
const NoBundle = "none"

// STIG says whether the run is the one that STIG check V-260932 describes: its
// namespace, claim, pods and file, whatever the storage class.
func (s Settings) STIG() bool {
	d := Defaults()
	return s.VolumeSource == Claim && s.ExistingClaim == "" && s.ClaimTemplate == "" &&
		s.Namespace == d.Namespace && s.ClaimName == d.ClaimName && slices.Equal(s.AccessModes, d.AccessModes) &&
		slices.Equal(s.VolumeModes, d.VolumeModes) &&
		s.WriterPod == d.WriterPod && s.ReaderPod == d.ReaderPod && s.JournalFile == d.JournalFile
}
