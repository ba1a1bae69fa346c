// Package options defines every option that a user can set: its name, default and meaning, and how its value is
// parsed. The command line, the documentation and the charts use it or are checked against it.
//
// It parses values and checks their form. It does not access a cluster.
package options

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// VolumeSource is the kind of volume that the pods mount.
type VolumeSource string

// The volume sources.
const (
	// Claim is a PersistentVolumeClaim.
	Claim VolumeSource = "claim"
	// EmptyDir is a volume that is deleted with its pod. The control uses it.
	EmptyDir VolumeSource = "emptyDir"
	// Local is a folder or a block device of this machine. It is not a value of VOLUME_SOURCE: a local run has no
	// cluster.
	Local VolumeSource = "local"
)

// ReaderNode is where the reader runs: one of the constants below, or a node's name.
type ReaderNode string

// Nodes of the reader, relative to the last writer.
const (
	AnyNode   ReaderNode = "any"
	SameNode  ReaderNode = "same"
	OtherNode ReaderNode = "other"
)

// WriterNode is where the writer runs: one of the constants below, a node's name, or labels of nodes.
type WriterNode string

// Nodes of the writer.
const (
	AnyWriterNode WriterNode = "any"
	// ClaimNode is the node of a pod that uses the existing claim.
	ClaimNode WriterNode = "claim"
)

// Orchestrator runs the containers of the cluster under test.
type Orchestrator string

// The orchestrators of Mirantis Kubernetes Engine. Auto derives the orchestrator from the nodes' labels.
const (
	Auto       Orchestrator = "auto"
	Kubernetes Orchestrator = "kubernetes"
	Swarm      Orchestrator = "swarm"
)

// Values are the options of one run, read and checked. The run has one cell for each combination of the values in its
// lists.
type Values struct {
	// Duration is the duration of the chaos, during which writers are deleted repeatedly.
	Duration time.Duration `json:"duration"`
	// Interval is the time between deletions; the longest one if intervals are random.
	Interval time.Duration `json:"interval"`
	// MinInterval is the shortest random interval; absent if intervals are not random.
	MinInterval time.Duration `json:"minInterval,omitempty"`
	Randomness  bool          `json:"randomness"`
	// RampTime is how long to wait before and after the chaos.
	RampTime time.Duration `json:"rampTime"`
	// Force lists the kinds of deletion: true is a grace period of 0, false is the pod's own.
	Force []bool `json:"force"`
	// Serial deletes the writers one after another instead of all at once.
	Serial bool `json:"serial"`
	// TargetPods are the writers to delete at each interval; absent for all.
	TargetPods []string `json:"targetPods,omitempty"`
	// AffectedPercent is the percentage of writers to delete at each interval; absent for all.
	AffectedPercent int `json:"affectedPercent,omitempty"`

	Namespace    string       `json:"namespace"`
	VolumeSource VolumeSource `json:"volumeSource"`
	// StorageClasses are the StorageClasses to test: an empty name is the cluster's default, "*" is every StorageClass.
	StorageClasses []string `json:"storageClasses"`
	ExistingClaim  string   `json:"existingClaim,omitempty"`
	// AllowRelabel lets the run use the existing claim with another SELinux label than a running pod that uses it.
	AllowRelabel bool `json:"allowRelabel,omitempty"`

	ClaimName string            `json:"claimName"`
	ClaimSize resource.Quantity `json:"claimSize"`
	// ClaimTemplate is the path of the manifest of a claim; absent for none.
	ClaimTemplate string                              `json:"claimTemplate,omitempty"`
	AccessModes   []corev1.PersistentVolumeAccessMode `json:"accessModes"`
	VolumeModes   []corev1.PersistentVolumeMode       `json:"volumeModes"`
	WriterPod     string                              `json:"writerPod"`
	ReaderPod     string                              `json:"readerPod"`
	WriterNode    WriterNode                          `json:"writerNode"`
	ReaderNodes   []ReaderNode                        `json:"readerNodes"`
	// ParallelCells is the maximum number of cells that are tested at the same time.
	ParallelCells int `json:"parallelCells"`
	// MaxCells is the maximum number of cells of the run.
	MaxCells int `json:"maxCells"`
	// Keep leaves the claim and the reader in the cluster after the run.
	Keep bool `json:"keep"`

	// RequiredEvidence is the lowest evidence level at which a cell can pass.
	RequiredEvidence provenance.Level `json:"requiredEvidence"`
	// Thresholds are limits of a cell's figures; absent if there are none.
	Thresholds Thresholds `json:"thresholds,omitzero"`
	// NegativeControl adds the control to the run.
	NegativeControl bool `json:"negativeControl"`
	// MetricsAddress is the address on which the program serves the figures of the run; absent for none.
	MetricsAddress string `json:"metricsAddress,omitempty"`
	// BundleConfigMap is the name of the ConfigMap with the evidence bundle. If it is absent, a run of an engine
	// generates a name, and a run of the command line does so only with --keep-in-cluster.
	BundleConfigMap string `json:"bundleConfigMap,omitempty"`

	JournalFile string `json:"journalFile"`
	// RecordSize is in bytes.
	RecordSize int `json:"recordSize"`
	// WriteRate is in records per second; 0 for no limit.
	WriteRate float64 `json:"writeRate"`
	// WritePatterns are the ways in which the writers write.
	WritePatterns []pattern.Name `json:"writePatterns"`
	// WriteObjects is the number of objects that a pattern writes in turn, or keeps. If it is absent, the number depends
	// on the pattern; the layout of a cell has it.
	WriteObjects int `json:"writeObjects,omitempty"`

	// Image is the image of the writer and the reader; absent for the experiment's image.
	Image           string            `json:"image,omitempty"`
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy"`
	Orchestrator    Orchestrator      `json:"orchestrator"`
	// RunAsUser is the user of the pods; absent if the cluster assigns it.
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// RunAsGroup is the group of the pods; absent if the cluster assigns it.
	RunAsGroup *int64 `json:"runAsGroup,omitempty"`
	// SupplementalGroups are further groups of the pods.
	SupplementalGroups []int64 `json:"supplementalGroups,omitempty"`
	// FSGroup is the group that owns the files of a volume that the run creates; absent if
	// it is not set, so that the cluster may assign one.
	FSGroup *int64 `json:"fsGroup,omitempty"`

	// ImagePullSecrets are names of Secrets. Absent: the pods have those of the experiment's pod. Empty: the pods have
	// none. The same applies to the tolerations, the node selector, the priority class, the runtime class and the
	// resources.
	ImagePullSecrets []string            `json:"imagePullSecrets,omitzero"`
	Tolerations      []corev1.Toleration `json:"tolerations,omitzero"`
	// NodeSelector are labels that the nodes of the pods must have.
	NodeSelector     map[string]string   `json:"nodeSelector,omitzero"`
	PriorityClass    *string             `json:"priorityClass,omitempty"`
	RuntimeClass     *string             `json:"runtimeClass,omitempty"`
	ResourceRequests corev1.ResourceList `json:"resourceRequests,omitzero"`
	ResourceLimits   corev1.ResourceList `json:"resourceLimits,omitzero"`
	PodLabels        map[string]string   `json:"podLabels,omitempty"`
	PodAnnotations   map[string]string   `json:"podAnnotations,omitempty"`
	// CopiedAnnotations are the names of the annotations that the pods have from the experiment's pod.
	CopiedAnnotations []string `json:"copiedAnnotations,omitempty"`
	// PodTemplate is the path of a manifest that is merged into the pods; absent for none.
	PodTemplate string `json:"podTemplate,omitempty"`

	// StatusTimeout limits each wait for an object of the cluster.
	StatusTimeout time.Duration `json:"statusTimeout"`
	// VerifyTimeout limits how long the reader reads.
	VerifyTimeout time.Duration `json:"verifyTimeout"`
}

// ImageUser is the user and the group of the image (USER in the Dockerfile).
const ImageUser = 65532

// None is the value of an option that leaves a field of the pods unset.
const None = "none"

// MetricsAddressOption is the name of the option for MetricsAddress.
const MetricsAddressOption = "METRICS_ADDRESS"

// NoBundle is the BundleConfigMap of a run that keeps no bundle in the cluster.
const NoBundle = "none"

// IsSTIGCheck reports whether the run performs STIG check V-260932: whether the namespace, the claim, the pods and the
// file have the names of the check. The StorageClass does not matter.
func (v Values) IsSTIGCheck() bool {
	d := Defaults()
	return v.VolumeSource == Claim && v.ExistingClaim == "" && v.ClaimTemplate == "" &&
		v.Namespace == d.Namespace && v.ClaimName == d.ClaimName && slices.Equal(v.AccessModes, d.AccessModes) &&
		slices.Equal(v.VolumeModes, d.VolumeModes) &&
		v.WriterPod == d.WriterPod && v.ReaderPod == d.ReaderPod && v.JournalFile == d.JournalFile &&
		slices.Equal(v.WritePatterns, d.WritePatterns)
}
