package options

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// Option is an environment variable with which a user configures a run.
type Option struct {
	// Name is the name of the environment variable.
	Name string
	// Default is the value if the variable is unset or empty.
	Default string
	// Doc describes the option in Markdown. Its links are relative to docs.
	Doc string
	// FlagDoc replaces Doc in the help of the command line; empty if Doc fits there too.
	FlagDoc string
	// Suggestions are values that a shell can complete.
	Suggestions []string
	// IsLitmus reports whether the name is one of Litmus's own.
	IsLitmus bool

	set func(*Values, string) error
}

// Usage returns the option's help on the command line, in Markdown.
func (o Option) Usage() string {
	if o.FlagDoc != "" {
		return o.FlagDoc
	}
	return o.Doc
}

// Complete returns the valid values that continue what was typed. Typed may be a list whose last item is unfinished.
func (o Option) Complete(typed string) []string {
	list := typed[:strings.LastIndex(typed, ",")+1]
	var completions []string
	for _, word := range o.Suggestions {
		if value := list + word; o.set(&Values{}, value) == nil {
			completions = append(completions, value)
		}
	}
	return completions
}

// Table returns every option, in the order in which to show them.
func Table() []Option {
	booleans := []string{"false", "true"}
	return []Option{
		{
			Name: "TOTAL_CHAOS_DURATION", Default: "30", IsLitmus: true,
			Doc: "Seconds of chaos, or a duration such as `2m`. The writer is deleted every `CHAOS_INTERVAL` during this time, " +
				"at least once.",
			set: seconds(1, func(v *Values) *time.Duration { return &v.Duration }),
		},
		{
			Name: "CHAOS_INTERVAL", Default: "10", IsLitmus: true,
			Doc: "Seconds, or a duration such as `2m`, from the start of the chaos to the first deletion, and between " +
				"deletions. Without `RANDOMNESS`, it may be shorter than a second, from `50ms`. If the new writer has " +
				"no acknowledgement when a deletion is due, this deletion is skipped. The last deletion is not skipped: it waits " +
				"for that acknowledgement. It is omitted only if the previous deletion is still in progress when the last one " +
				"is due. With `RANDOMNESS`, also a range such as `5-10` or `5s-2m`.",
			set: interval,
		},
		{
			Name: "RANDOMNESS", Default: "false", IsLitmus: true, Suggestions: booleans,
			Doc: "Choose each interval at random: from 1 second to `CHAOS_INTERVAL` or, if `CHAOS_INTERVAL` is a range, " +
				"within that range.",
			set: boolean(func(v *Values) *bool { return &v.Randomness }),
		},
		{
			Name: "FORCE", Default: "false", IsLitmus: true, Suggestions: append(booleans, "false,true"),
			Doc: "Delete pods by force, with a grace period of 0. `false,true` tests both kinds of deletion.",
			set: forces,
		},
		{
			Name: "SEQUENCE", Default: "parallel", IsLitmus: true, Suggestions: []string{"parallel", "serial"},
			Doc: "With several cells: `parallel` deletes all writers at once; `serial` deletes one at a time and waits " +
				"for the first acknowledgement of its successor.",
			set: sequence,
		},
		{
			Name: "TARGET_PODS", IsLitmus: true,
			Doc: "With several cells: the names of the writers to delete at every interval, separated by commas; empty for " +
				"all. In addition, every writer is deleted at the end of the chaos.",
			set: optional(list(names(validation.IsDNS1123Subdomain), func(v *Values) *[]string { return &v.TargetPods })),
		},
		{
			Name: "PODS_AFFECTED_PERC", IsLitmus: true,
			Doc: "With several cells: the percentage of writers to delete at each interval, chosen at random, at least " +
				"one; empty or 0 for all. In addition, every writer is deleted at the end of the chaos.",
			set: optional(affected),
		},
		{
			Name: "RAMP_TIME", Default: "0", IsLitmus: true,
			Doc: "Seconds, or a duration such as `2m`, to wait before and after the chaos.",
			set: seconds(0, func(v *Values) *time.Duration { return &v.RampTime }),
		},
		{
			Name: "WORKLOAD_NAMESPACE", Default: "stig",
			Doc: "Namespace of the claim and the pods. It must exist.",
			set: name(validation.IsDNS1123Label, func(v *Values) *string { return &v.Namespace }),
		},
		{
			Name: "VOLUME_SOURCE", Default: "claim", Suggestions: []string{"claim", "emptyDir"},
			Doc: "`claim` tests a PersistentVolumeClaim. `emptyDir` tests a volume that is deleted with its pod: the " +
				"expected verdict is Fail.",
			set: oneOf(func(v *Values) *VolumeSource { return &v.VolumeSource }, Claim, EmptyDir),
		},
		{
			Name: "STORAGE_CLASS",
			Doc:  "StorageClass of the claim; empty for the cluster's default.",
			set:  optional(storageClass),
		},
		{
			Name: "STORAGE_CLASSES", Suggestions: []string{AllStorageClasses},
			Doc: "StorageClasses to compare in one run, separated by commas, or `*` for all in the cluster. The run has " +
				"one cell for each combination of a StorageClass and a value of `ACCESS_MODE`, `VOLUME_MODE`, `READER_NODE`, " +
				"`FORCE` and `WRITE_PATTERN`.",
			set: optional(classes),
		},
		{
			Name: "PARALLEL_CELLS", Default: "10",
			Doc: "Maximum number of cells that are tested at the same time, 1 to 1000.",
			set: number(1, 1000, func(v *Values) *int { return &v.ParallelCells }),
		},
		{
			Name: "MAX_CELLS", Default: "100",
			Doc: fmt.Sprintf("Maximum number of cells, 1 to %d. A run with more cells, the control included, ends before it "+
				"creates anything. If `STORAGE_CLASSES` is `*`, cells that are known to be Skipped do not count.", maxCells),
			set: number(1, maxCells, func(v *Values) *int { return &v.MaxCells }),
		},
		{
			Name: "EXISTING_CLAIM",
			Doc: "Test this claim instead of creating one. The run writes only to a new folder, which it removes at the " +
				"end, except with `KEEP`. It never resizes or deletes the claim. A raw block device must be blank, and the " +
				"journal stays on it.",
			set: optional(name(validation.IsDNS1123Subdomain, func(v *Values) *string { return &v.ExistingClaim })),
		},
		{
			Name: "ALLOW_RELABEL", Default: "false", Suggestions: booleans,
			Doc: "Use `EXISTING_CLAIM` although a running pod uses it with another SELinux label. The container runtime may " +
				"relabel the files, and that pod may lose access to them; see [docs/pods.md](pods.md#selinux).",
			set: boolean(func(v *Values) *bool { return &v.AllowRelabel }),
		},
		{
			Name: "CLAIM_NAME", Default: "stig-pvc",
			Doc: "Name of the claim to create.",
			set: name(validation.IsDNS1123Subdomain, func(v *Values) *string { return &v.ClaimName }),
		},
		{
			Name: "CLAIM_SIZE", Default: "5Gi",
			Doc: "Size of the claim to create.",
			set: claimSize,
		},
		{
			Name:    "CLAIM_TEMPLATE",
			Doc:     "File in the experiment's pod with the manifest of a PersistentVolumeClaim, " + templateDoc,
			FlagDoc: "File with the manifest of a PersistentVolumeClaim, " + templateDoc,
			set:     optional(claimTemplate),
		},
		{
			Name: "ACCESS_MODE", Default: "ReadWriteOnce",
			Suggestions: []string{"ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"},
			Doc: "Access mode of the claim to create: `ReadWriteOnce` (`RWO`), `ReadWriteOncePod` (`RWOP`) or " +
				"`ReadWriteMany` (`RWX`), or several of them, separated by commas.",
			set: list(accessMode, func(v *Values) *[]corev1.PersistentVolumeAccessMode { return &v.AccessModes }),
		},
		{
			Name: "VOLUME_MODE", Default: "Filesystem", Suggestions: []string{"Filesystem", "Block"},
			Doc: "Volume mode of the claim to create: `Filesystem` or `Block`, or both, separated by a comma. With `Block`, " +
				"the journal is written to the raw device, which the pods have at the path `JOURNAL_FILE`.",
			set: list(choice(corev1.PersistentVolumeFilesystem, corev1.PersistentVolumeBlock),
				func(v *Values) *[]corev1.PersistentVolumeMode { return &v.VolumeModes }),
		},
		{
			Name: "WRITER_POD", Default: "write-pod",
			Doc: "Name of the pod that writes the journal and is deleted.",
			set: name(validation.IsDNS1123Subdomain, func(v *Values) *string { return &v.WriterPod }),
		},
		{
			Name: "READER_POD", Default: "read-pod",
			Doc: "Name of the pod that reads the journal back.",
			set: name(validation.IsDNS1123Subdomain, func(v *Values) *string { return &v.ReaderPod }),
		},
		{
			Name: "WRITER_NODE", Default: "any", Suggestions: []string{"any", "claim"},
			Doc: "Node of the writer: `any`, a node's name, or labels such as `key=value,key=value`. `claim` is the node of the " +
				"application that uses `EXISTING_CLAIM`, for a ReadWriteOnce claim in use; if `READER_NODE` is `any`, the reader " +
				"runs there too.",
			set: writerNode,
		},
		{
			Name: "READER_NODE", Default: "any", Suggestions: []string{"any", "same", "other"},
			Doc: "Node of the reader, relative to the last writer: `any`, `same` or `other`, or a node's name; several are " +
				"separated by commas. On the same node the reader may read the page cache.",
			set: list(readerNode, func(v *Values) *[]ReaderNode { return &v.ReaderNodes }),
		},
		{
			Name: "JOURNAL_FILE", Default: "/data/logs.log",
			Doc: "Path of the journal in the pods. The volume is mounted at the folder of this path. On an existing claim, " +
				"the journal is in a new folder below it, whose name begins with `volume-durability-`.",
			set: journalFile,
		},
		{
			Name: "RECORD_SIZE", Default: "256",
			Doc: fmt.Sprintf("Bytes per record, %d to %d.", journal.MinRecordSize, journal.MaxRecordSize),
			set: number(journal.MinRecordSize, journal.MaxRecordSize, func(v *Values) *int { return &v.RecordSize }),
		},
		{
			Name: "WRITE_RATE", Default: "100",
			Doc: "Records per second; 0 for as many as the volume can take.",
			set: writeRate,
		},
		{
			Name: "WRITE_PATTERN", Default: string(pattern.Append), Suggestions: patternNames(),
			Doc: "How the writer writes: " + quoted(patternNames()) + ", or several of them, separated by commas. " +
				"See [docs/patterns.md](patterns.md).",
			set: list(choice(pattern.Names()...), func(v *Values) *[]pattern.Name { return &v.WritePatterns }),
		},
		{
			Name: "WRITE_OBJECTS",
			Doc: fmt.Sprintf("Number of slots or files that `overwrite`, `map` and `replace` write in turn, or of files that "+
				"each writer keeps with `remove` and `recycle`, %d to %d", minObjects, pattern.MaxObjects) +
				defaultObjectsDoc() + ". `mixed` uses the number for both.",
			set: optional(number(minObjects, pattern.MaxObjects, func(v *Values) *int { return &v.WriteObjects })),
		},
		{
			Name: "KEEP", Default: "false", Suggestions: booleans,
			Doc: keepDoc + " If `WORKLOAD_NAMESPACE` is the namespace of the engine, they are deleted with the engine. " +
				"Otherwise, delete them with `cleanup --run ID`." + keptDoc,
			FlagDoc: keepDoc + " Delete them with cleanup --run." + keptDoc,
			set:     boolean(func(v *Values) *bool { return &v.Keep }),
		},
		{
			Name: "LIB_IMAGE", IsLitmus: true,
			Doc:     "Image of the writer and the reader; empty for the experiment's image.",
			FlagDoc: "Image of the writer and the reader.",
			set:     optional(image),
		},
		{
			Name: "LIB_IMAGE_PULL_POLICY", Default: "IfNotPresent", IsLitmus: true,
			Suggestions: []string{"Always", "IfNotPresent", "Never"},
			Doc:         "Pull policy of that image: `Always`, `IfNotPresent` or `Never`.",
			set: oneOf(func(v *Values) *corev1.PullPolicy { return &v.ImagePullPolicy },
				corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever),
		},
		{
			Name: "RUN_AS_USER", Default: strconv.Itoa(ImageUser), Suggestions: []string{None},
			Doc: "User ID of the pods; `none` to let the cluster assign one, as OpenShift does. On an existing claim it " +
				"must be allowed to write to the root of the volume. 0 is root.",
			set: id(func(v *Values) **int64 { return &v.RunAsUser }),
		},
		{
			Name: "RUN_AS_GROUP", Default: strconv.Itoa(ImageUser), Suggestions: []string{None},
			Doc: "Group ID of the pods; `none` to let the cluster assign one. It must be `none` if `RUN_AS_USER` is.",
			set: id(func(v *Values) **int64 { return &v.RunAsGroup }),
		},
		{
			Name: "SUPPLEMENTAL_GROUPS", Default: None, Suggestions: []string{None},
			Doc: "Further group IDs of the pods, separated by commas, for example a group that may write to an existing " +
				"claim or owns a raw block device; `none` for no further group.",
			set: groups,
		},
		{
			Name: "FS_GROUP", Default: strconv.Itoa(ImageUser), Suggestions: []string{None},
			Doc: "Group ID that Kubernetes gives the files of a volume which the run creates (`fsGroup`); `none` to set none, " +
				"so that the cluster may assign one. The files on an existing claim keep their group.",
			set: id(func(v *Values) **int64 { return &v.FSGroup }),
		},
		{
			Name: "IMAGE_PULL_SECRETS", Suggestions: []string{None},
			Doc:     "Secrets with which the nodes pull the pods' image, separated by commas; " + inheritedDoc,
			FlagDoc: "Secrets with which the nodes pull the pods' image, separated by commas; " + inheritedFlagDoc,
			set: inherited(func(v *Values) { v.ImagePullSecrets = []string{} },
				list(names(validation.IsDNS1123Subdomain), func(v *Values) *[]string { return &v.ImagePullSecrets })),
		},
		{
			Name: "TOLERATIONS", Suggestions: []string{None, "*"},
			Doc:     "Taints that the pods tolerate, such as `key=value:NoSchedule,key`, or `*` for all; " + inheritedDoc,
			FlagDoc: "Taints that the pods tolerate, such as `key=value:NoSchedule,key`, or `*` for all; " + inheritedFlagDoc,
			set: inherited(func(v *Values) { v.Tolerations = []corev1.Toleration{} },
				list(toleration, func(v *Values) *[]corev1.Toleration { return &v.Tolerations })),
		},
		{
			Name: "NODE_SELECTOR", Suggestions: []string{None},
			Doc:     "Labels that the nodes of the pods must have, such as `key=value,key=value`; " + inheritedDoc + selectorDoc,
			FlagDoc: "Labels that the nodes of the pods must have, such as `key=value,key=value`; " + inheritedFlagDoc,
			set:     inherited(func(v *Values) { v.NodeSelector = map[string]string{} }, nodeSelector),
		},
		{
			Name: "PRIORITY_CLASS", Suggestions: []string{None},
			Doc:     "PriorityClass of the pods; " + inheritedClassDoc,
			FlagDoc: "PriorityClass of the pods; " + inheritedFlagDoc,
			set:     className(func(v *Values) **string { return &v.PriorityClass }),
		},
		{
			Name: "RUNTIME_CLASS", Suggestions: []string{None},
			Doc:     "RuntimeClass of the pods; " + inheritedClassDoc,
			FlagDoc: "RuntimeClass of the pods; " + inheritedFlagDoc,
			set:     className(func(v *Values) **string { return &v.RuntimeClass }),
		},
		{
			Name: "RESOURCE_REQUESTS", Suggestions: []string{None},
			Doc: "Resource requests of the pods' container, such as `cpu=100m,memory=64Mi`; empty for those of the experiment's " +
				"container, or `cpu=10m,memory=32Mi` if it has none; `none` for no requests.",
			FlagDoc: "Resource requests of the pods' container, such as `cpu=100m,memory=64Mi`; empty for " +
				"`cpu=10m,memory=32Mi`, `none` for no requests.",
			set: resources(func(v *Values) *corev1.ResourceList { return &v.ResourceRequests }),
		},
		{
			Name: "RESOURCE_LIMITS", Suggestions: []string{None},
			Doc: "Resource limits of the pods' container, with at least `memory=64Mi`; empty for those of the experiment's " +
				"container, or `memory=256Mi` if it has none; `none` for no limits. A limit on `cpu` can lengthen commits.",
			FlagDoc: "Resource limits of the pods' container, with at least `memory=64Mi`; empty for `memory=256Mi`, `none` " +
				"for no limits. A limit on `cpu` can lengthen commits.",
			set: resources(func(v *Values) *corev1.ResourceList { return &v.ResourceLimits }),
		},
		{
			Name: "POD_LABELS",
			Doc:  "Labels of the pods, such as `sidecar.istio.io/inject=false`, separated by commas.",
			set:  optional(podLabels),
		},
		{
			Name: "POD_ANNOTATIONS",
			Doc: "Annotations of the pods, such as `linkerd.io/inject=disabled`, separated by commas. A name without a value " +
				"copies an annotation of the experiment's pod.",
			FlagDoc: "Annotations of the pods, such as `linkerd.io/inject=disabled`, separated by commas.",
			set:     optional(podAnnotations),
		},
		{
			Name:    "POD_TEMPLATE",
			Doc:     "File in the experiment's pod with " + podTemplateDoc,
			FlagDoc: "File with " + podTemplateDoc,
			set:     optional(podTemplate),
		},
		{
			Name: "REQUIRED_EVIDENCE", Default: "none", Suggestions: provenance.LevelNames(),
			Doc: "The lowest [evidence level](evidence.md) at which a cell can pass: " + quoted(provenance.LevelNames()) +
				". A cell that would pass at a lower level ends in Error.",
			set: requiredEvidence,
		},
		{
			Name: MaxRecoveryOption,
			Doc: "The longest [recovery](glossary.md#a-run) with which a cell can pass, such as `30s`; empty for no " +
				"[threshold](verdicts.md#thresholds).",
			set: optional(limit(func(v *Values) *time.Duration { return &v.Thresholds.MaxRecovery })),
		},
		{
			Name: MaxCommitP99Option,
			Doc: "The limit of the 99th percentile of the commit durations of a cell, such as `50ms`; empty for no " +
				"[threshold](verdicts.md#thresholds).",
			set: optional(limit(func(v *Values) *time.Duration { return &v.Thresholds.MaxCommitP99 })),
		},
		{
			Name: MaxCommitOption,
			Doc: "The longest duration that any commit of a cell may have, such as `2s`; empty for no " +
				"[threshold](verdicts.md#thresholds).",
			set: optional(limit(func(v *Values) *time.Duration { return &v.Thresholds.MaxCommit })),
		},
		{
			Name: MinRateOption,
			Doc: "The lowest rate with which a cell can pass, in acknowledged records per second; empty for no " +
				"[threshold](verdicts.md#thresholds). It must be lower than `WRITE_RATE`, unless that is 0.",
			set: optional(minRate),
		},
		{
			Name: "NEGATIVE_CONTROL", Default: "false", Suggestions: booleans,
			Doc: "Add the control: a cell on an emptyDir, which must lose its data. If its loss is not detected, the run " +
				"ends in Error, unless another cell failed or was stopped.",
			set: boolean(func(v *Values) *bool { return &v.NegativeControl }),
		},
		{
			Name: "BUNDLE_CONFIGMAP", Suggestions: []string{NoBundle},
			Doc: "Name of the ConfigMap in the engine's namespace that keeps the [evidence bundle](evidence-bundle.md); " +
				"empty for a name made from the name of the engine and the ID of the run, `none` for no ConfigMap. It stays " +
				"until you delete it.",
			FlagDoc: "Name of the ConfigMap that keeps the evidence bundle; empty to keep the bundle only in a folder, " +
				"unless --keep-in-cluster is set. It stays until you delete it.",
			set: optional(name(validation.IsDNS1123Subdomain, func(v *Values) *string { return &v.BundleConfigMap })),
		},
		{
			Name: MetricsAddressOption,
			Doc:  "Address on which the program serves [metrics](metrics.md) during the run, such as `:9464`; empty for none.",
			set:  optional(metricsAddress),
		},
		{
			Name: "ORCHESTRATOR", Default: "auto", Suggestions: []string{"kubernetes", "swarm", "auto"},
			Doc: "The orchestrator of the containers: `kubernetes` or `swarm`; `auto` detects it from the nodes' labels. " +
				"On Swarm the run is N/A and creates nothing.",
			set: oneOf(func(v *Values) *Orchestrator { return &v.Orchestrator }, Auto, Kubernetes, Swarm),
		},
		{
			Name: "STATUS_CHECK_TIMEOUT", Default: "180", IsLitmus: true,
			Doc: statusTimeoutDoc + " In a ChaosEngine, set `statusCheckTimeouts.timeout` of `components` instead: " +
				"chaos-runner overwrites this variable.",
			FlagDoc: statusTimeoutDoc,
			set:     seconds(1, func(v *Values) *time.Duration { return &v.StatusTimeout }),
		},
		{
			Name: "VERIFY_TIMEOUT", Default: "300",
			Doc: "Seconds, or a duration such as `5m`, that reading the journal back may take.",
			set: seconds(1, func(v *Values) *time.Duration { return &v.VerifyTimeout }),
		},
	}
}

// What the help on the command line shares with the documentation.
const (
	templateDoc = "for annotations, selectors or a data source. Its name, class and modes are set for each cell; its " +
		"size is set only if the manifest has none."
	inheritedDoc      = "empty for those of the experiment's pod; if it is `none`, the pods have none."
	inheritedClassDoc = "empty for that of the experiment's pod; if it is `none`, the pods have none."
	inheritedFlagDoc  = "if it is empty or `none`, the pods have none."
	selectorDoc       = " The node affinity of the experiment's pod is used only if this is empty."
	podTemplateDoc    = "the manifest of a Pod or a PodTemplate, which is merged into every pod of the run by " +
		"strategic merge. It cannot change what the run itself needs. See [docs/pods.md](pods.md#pod-template)."
	statusTimeoutDoc = "Seconds, or a duration such as `3m`, that each step in the cluster may take, such as binding a " +
		"claim, starting or deleting a pod, or the first acknowledgement."
	keepDoc = "Keep the claim and the reader after the run, for example for " +
		"`kubectl exec read-pod -n stig -- cat /data/logs.log`, or `ls` for a pattern that writes files in a folder."
	keptDoc = " On an existing claim, the folder with the journal stays too. Nothing is kept of a cell that was " +
		"stopped, or of the control."
)

// quoted returns words as code in Markdown, separated by commas.
func quoted(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// minObjects is the minimum of WRITE_OBJECTS. With fewer objects, each would be in flight most of the time.
const minObjects = 16

// defaultObjectsDoc ends the description of WRITE_OBJECTS.
func defaultObjectsDoc() string {
	return fmt.Sprintf("; empty for %d, or for %d with `remove`, `recycle` and `mixed`", DefaultObjects(pattern.Overwrite),
		DefaultObjects(pattern.Remove))
}

func patternNames() []string {
	var names []string
	for _, n := range pattern.Names() {
		names = append(names, string(n))
	}
	return names
}
