package options

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// Option is one thing that a user can set, by an environment variable.
type Option struct {
	// Name is the variable's.
	Name string
	// Default is the value where the variable is unset or empty.
	Default string
	// Doc says what it means, in a sentence or two of Markdown.
	Doc string
	// Litmus says that the name is Litmus's own.
	Litmus bool

	set func(*Values, string) error
}

// Complete proposes values that go on from the items of a list that have been typed,
// if any: each ends with a word that Doc quotes, or with true or false where it is one
// of them, and is taken.
func (i Option) Complete(typed string) []string {
	var words []string
	if i.Default == "true" || i.Default == "false" {
		words = []string{"false", "true"}
	}
	for n, part := range strings.Split(i.Doc, "`") {
		if n%2 == 1 {
			words = append(words, part)
		}
	}
	listed := typed[:strings.LastIndex(typed, ",")+1]
	var all []string
	for _, word := range words {
		if value := listed + word; i.set(&Values{}, value) == nil {
			all = append(all, value)
		}
	}
	return all
}

// Invalid is one mistake in the inputs.
type Invalid struct {
	Name, Value, Want string
}

func (p Invalid) Error() string {
	return fmt.Sprintf("%s=%q: want %s", p.Name, p.Value, p.Want)
}

// wanted is how a setter says what would have been right.
type wanted string

func (w wanted) Error() string { return string(w) }

// Table returns every input, in the order in which to show them.
func Table() []Option {
	return []Option{
		{"TOTAL_CHAOS_DURATION", "30", "Seconds of chaos: the writer is deleted every `CHAOS_INTERVAL` for this long, at least once.", true,
			seconds(1, func(s *Values) *time.Duration { return &s.Duration })},
		{"CHAOS_INTERVAL", "10", "Seconds from the beginning of the chaos to the first deletion, and between deletions. A writer that has not come back and been acknowledged by then is waited for.", true,
			interval},
		{"RANDOMNESS", "false", "Make each interval a random one: of 1 second to `CHAOS_INTERVAL`, or of a range such as `5-10`.", true,
			boolean(func(s *Values) *bool { return &s.Randomness })},
		{"FORCE", "false", "Delete with a grace period of 0. `false,true` tries both.", true, forces},
		{"SEQUENCE", "parallel", "With several cells: `parallel` deletes all writers at once, `serial` one after another, each once the last has come back.", true, sequence},
		{"TARGET_PODS", "", "With several cells: the writers to delete at every interval, separated by commas; empty for all. Every writer is deleted at the end.", true,
			optional(list(names(validation.IsDNS1123Subdomain), func(s *Values) *[]string { return &s.TargetPods }))},
		{"PODS_AFFECTED_PERC", "", "With several cells: the percentage of the writers that is deleted at each interval, chosen at random, at least one; empty or 0 for all.", true, optional(affected)},
		{"RAMP_TIME", "0", "Seconds to wait before and after the chaos.", true,
			seconds(0, func(s *Values) *time.Duration { return &s.RampTime })},
		{"WORKLOAD_NAMESPACE", "stig", "Namespace of the claim and of the pods. It must exist.", false,
			name(validation.IsDNS1123Label, func(s *Values) *string { return &s.Namespace })},
		{"VOLUME_SOURCE", "claim", "`claim` tests a PersistentVolumeClaim; `emptyDir` is the control that must fail: it forgets everything with each pod.", false,
			oneOf(func(s *Values) *VolumeSource { return &s.VolumeSource }, Claim, EmptyDir)},
		{"STORAGE_CLASS", "", "StorageClass of the claim; empty for the cluster's default.", false,
			optional(storageClass)},
		{"STORAGE_CLASSES", "", "StorageClasses to compare in one run, separated by commas, or `*` for all of the cluster. Each is a cell, with a claim, a writer, a ledger and a verdict of its own; crossed with `ACCESS_MODE`, `VOLUME_MODE`, `READER_NODE` and `FORCE` where these list several values.", false,
			optional(classes)},
		{"PARALLEL_CELLS", "10", "How many cells are tried at once at most, 1 to 1000.", false,
			number(1, 1000, func(s *Values) *int { return &s.ParallelCells })},
		{"EXISTING_CLAIM", "", "Use this claim and make none. It is never resized or deleted; a folder of the run's own on it is all that is written, and removed after the run. A claim that is a raw device must be blank, and our journal stays on it.", false,
			optional(name(validation.IsDNS1123Subdomain, func(s *Values) *string { return &s.ExistingClaim }))},
		{"CLAIM_NAME", "stig-pvc", "Name of the claim to make.", false,
			name(validation.IsDNS1123Subdomain, func(s *Values) *string { return &s.ClaimName })},
		{"CLAIM_SIZE", "5Gi", "Size of the claim to make.", false, claimSize},
		{"CLAIM_TEMPLATE", "", "File in the experiment's pod with the manifest of a PersistentVolumeClaim, for annotations, selectors or a data source. Its name, class and modes are set for each cell; its size only where it has none.", false,
			optional(claimTemplate)},
		{"ACCESS_MODE", "ReadWriteOnce", "Access mode of the claim to make: `ReadWriteOnce`, `ReadWriteOncePod` or `ReadWriteMany`, or several of them, separated by commas.", false,
			list(choice(corev1.ReadWriteOnce, corev1.ReadWriteOncePod, corev1.ReadWriteMany),
				func(s *Values) *[]corev1.PersistentVolumeAccessMode { return &s.AccessModes })},
		{"VOLUME_MODE", "Filesystem", "Volume mode of the claim to make: `Filesystem`, or `Block`, where the journal lies on the device itself, at the path `JOURNAL_FILE`; or both, separated by a comma.", false,
			list(choice(corev1.PersistentVolumeFilesystem, corev1.PersistentVolumeBlock),
				func(s *Values) *[]corev1.PersistentVolumeMode { return &s.VolumeModes })},
		{"WRITER_POD", "write-pod", "Name of the pod that writes and is deleted.", false,
			name(validation.IsDNS1123Subdomain, func(s *Values) *string { return &s.WriterPod })},
		{"READER_POD", "read-pod", "Name of the pod that reads the journal back.", false,
			name(validation.IsDNS1123Subdomain, func(s *Values) *string { return &s.ReaderPod })},
		{"READER_NODE", "any", "Where the reader runs, seen from the last writer: `any` node, the `same`, an `other`, or a node's name; or several of them, separated by commas. On the same node it may be reading the page cache.", false,
			list(readerNode, func(s *Values) *[]ReaderNode { return &s.ReaderNodes })},
		{"JOURNAL_FILE", "/data/logs.log", "Path of the journal in the pods; the volume is mounted at its folder.", false, journalFile},
		{"RECORD_SIZE", "256", fmt.Sprintf("Bytes a record, %d to %d.", journal.MinRecordSize, journal.MaxRecordSize), false,
			number(journal.MinRecordSize, journal.MaxRecordSize, func(s *Values) *int { return &s.RecordSize })},
		{"WRITE_RATE", "100", "Records a second; 0 for as many as the volume takes.", false, writeRate},
		{"KEEP", "false", "Keep the claim and the reader's pod after the run, to look at them: `kubectl exec read-pod -n stig -- cat /data/logs.log`. They go with the engine.", false,
			boolean(func(s *Values) *bool { return &s.Keep })},
		{"LIB_IMAGE", "", "Image of the writer's and the reader's pod; empty for the experiment's own.", true,
			optional(image)},
		{"LIB_IMAGE_PULL_POLICY", "IfNotPresent", "Pull policy of that image: `Always`, `IfNotPresent` or `Never`.", true,
			oneOf(func(s *Values) *corev1.PullPolicy { return &s.ImagePullPolicy },
				corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)},
		{"REQUIRED_EVIDENCE", "none", "The [level of evidence](docs/evidence.md) below which nothing passes: " + quoted(provenance.Names()) + ".", false, requiredEvidence},
		{"NEGATIVE_CONTROL", "false", "Try one more cell, on an emptyDir, that must lose its data. If the loss is not seen the whole run is an Error.", false,
			boolean(func(s *Values) *bool { return &s.NegativeControl })},
		{"BUNDLE_CONFIGMAP", "", "Name of the ConfigMap, in the engine's namespace, that keeps the [evidence](docs/evidence-bundle.md) of the run; empty for one that is named after the engine and the run, `none` to keep none. It stays until somebody deletes it.", false,
			optional(name(validation.IsDNS1123Subdomain, func(s *Values) *string { return &s.BundleConfigMap }))},
		{"ORCHESTRATOR", "auto", "`kubernetes` or `swarm` states what orchestrates; `auto` looks at the nodes' labels. With Swarm the check is Not Applicable and nothing is created.", false,
			oneOf(func(s *Values) *Orchestrator { return &s.Orchestrator }, Auto, Kubernetes, Swarm)},
		{"STATUS_CHECK_TIMEOUT", "180", "Seconds that each step in the cluster may take: a claim bound, a pod running or gone, a first acknowledgement. chaos-runner sets it from the engine's `statusCheckTimeouts.timeout`.", true,
			seconds(1, func(s *Values) *time.Duration { return &s.StatusTimeout })},
		{"VERIFY_TIMEOUT", "300", "Seconds that reading the journal back may take.", false,
			seconds(1, func(s *Values) *time.Duration { return &s.VerifyTimeout })},
	}
}

// Defaults are the settings of a run in which nothing is set.
func Defaults() Values {
	s, err := Parse(func(string) string { return "" })
	if err != nil {
		panic(fmt.Sprintf("the table of inputs has a default that it refuses: %v", err))
	}
	return s
}

// Parse reads every input. The error joins a Invalid for each mistake.
func Parse(getenv func(string) string) (Values, error) {
	var s Values
	var problems []error
	for _, input := range Table() {
		value := strings.TrimSpace(getenv(input.Name))
		if value == "" {
			value = input.Default
		}
		if err := input.set(&s, value); err != nil {
			problems = append(problems, Invalid{input.Name, value, err.Error()})
		}
	}
	problems = append(problems, contradictions(s)...)
	if s.Randomness && s.MinInterval == 0 {
		s.MinInterval = time.Second
	}
	if len(s.StorageClasses) == 0 {
		s.StorageClasses = []string{""}
	}
	return s, errors.Join(problems...)
}

// contradictions are mistakes that no input makes alone.
func contradictions(s Values) []error {
	var problems []error
	contradicts := func(wrong bool, name, value, want string) {
		if wrong {
			problems = append(problems, Invalid{name, value, want})
		}
	}
	emptyDir, existing, several := s.VolumeSource == EmptyDir, s.ExistingClaim != "", len(s.StorageClasses) > 0
	contradicts(s.MinInterval > 0 && !s.Randomness, "RANDOMNESS", "false", "true where CHAOS_INTERVAL is a range")
	contradicts(existing && emptyDir, "EXISTING_CLAIM", s.ExistingClaim, "it unset where VOLUME_SOURCE is emptyDir")
	contradicts(several && existing, "EXISTING_CLAIM", s.ExistingClaim, "it unset where STORAGE_CLASS or STORAGE_CLASSES says what claims to make: the claim has its class already")
	contradicts(several && emptyDir, "VOLUME_SOURCE", string(EmptyDir), "claim where STORAGE_CLASS or STORAGE_CLASSES says what claims to make: an emptyDir is of no class")
	contradicts(s.RequiredEvidence == provenance.OtherMachine && slices.Contains(s.ReaderNodes, SameNode), "REQUIRED_EVIDENCE", s.RequiredEvidence.String(), "reattached or less where READER_NODE is same: the writer's node is no other machine")
	contradicts(s.ClaimTemplate != "" && (existing || emptyDir), "CLAIM_TEMPLATE", s.ClaimTemplate, "it unset where no claim is made")
	contradicts(len(s.AccessModes) > 1 && (existing || emptyDir), "ACCESS_MODE", fmt.Sprint(s.AccessModes), "one where no claim is made")
	contradicts(existing && s.cells() > 1, "EXISTING_CLAIM", s.ExistingClaim, "it unset where several cells are tried: one claim has room for one journal")
	contradicts(emptyDir && slices.Contains(s.VolumeModes, corev1.PersistentVolumeBlock), "VOLUME_MODE", fmt.Sprint(s.VolumeModes), "Filesystem where VOLUME_SOURCE is emptyDir")
	contradicts(s.WriterPod != "" && s.WriterPod == s.ReaderPod, "READER_POD", s.ReaderPod, "another name than WRITER_POD")
	return problems
}

// cells is how many cells one StorageClass makes.
func (s Values) cells() int {
	return len(s.AccessModes) * len(s.VolumeModes) * len(s.ReaderNodes) * len(s.Force)
}

func seconds(least int, field func(*Values) *time.Duration) func(*Values, string) error {
	return func(s *Values, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > int(maxDuration/time.Second) {
			return wanted(fmt.Sprintf("a whole number of seconds, %d to %d", least, int(maxDuration/time.Second)))
		}
		*field(s) = time.Duration(n) * time.Second
		return nil
	}
}

// interval reads one number of seconds, or a range of them, such as 5-10.
func interval(s *Values, value string) error {
	least, most, ranged := strings.Cut(value, "-")
	if !ranged {
		most = least
	}
	var from, to Values
	read := func(into *Values, value string) error {
		return seconds(1, func(s *Values) *time.Duration { return &s.Interval })(into, value)
	}
	if err := errors.Join(read(&from, least), read(&to, most)); err != nil || from.Interval > to.Interval {
		return wanted(fmt.Sprintf("a whole number of seconds, 1 to %d, or with RANDOMNESS a range of them, such as 5-10", int(maxDuration/time.Second)))
	}
	s.Interval = to.Interval
	if ranged {
		s.MinInterval = from.Interval
	}
	return nil
}

// maxDuration keeps a slip of the finger from asking for years.
const maxDuration = 30 * 24 * time.Hour

func boolean(field func(*Values) *bool) func(*Values, string) error {
	return func(s *Values, value string) error {
		switch strings.ToLower(value) {
		case "true":
			*field(s) = true
		case "false":
			*field(s) = false
		default:
			return wanted("true or false")
		}
		return nil
	}
}

func oneOf[T ~string](field func(*Values) *T, choices ...T) func(*Values, string) error {
	return func(s *Values, value string) error {
		names := make([]string, len(choices))
		for i, c := range choices {
			if string(c) == value {
				*field(s) = c
				return nil
			}
			names[i] = string(c)
		}
		return wanted("one of " + strings.Join(names, ", "))
	}
}

func name(check func(string) []string, field func(*Values) *string) func(*Values, string) error {
	return func(s *Values, value string) (err error) {
		*field(s), err = names(check)(value)
		return err
	}
}

// names reads a name of Kubernetes's.
func names(check func(string) []string) func(string) (string, error) {
	return func(value string) (string, error) {
		if wrong := check(value); len(wrong) > 0 {
			return "", wanted("a Kubernetes name: " + strings.Join(wrong, "; "))
		}
		return value, nil
	}
}

// list reads values that are separated by commas, each once.
func list[T comparable](read func(string) (T, error), field func(*Values) *[]T) func(*Values, string) error {
	return func(s *Values, value string) error {
		var all []T
		for item := range strings.SplitSeq(value, ",") {
			one, err := read(strings.TrimSpace(item))
			if err != nil {
				return err
			}
			if slices.Contains(all, one) {
				return wanted(fmt.Sprintf("%v only once", one))
			}
			all = append(all, one)
		}
		*field(s) = all
		return nil
	}
}

// choice reads one of the given words.
func choice[T ~string](choices ...T) func(string) (T, error) {
	return func(value string) (T, error) {
		var chosen Values
		var word T
		err := oneOf(func(*Values) *T { return &word }, choices...)(&chosen, value)
		return word, err
	}
}

func readerNode(value string) (ReaderNode, error) {
	node, err := names(validation.IsDNS1123Subdomain)(value)
	return ReaderNode(node), err
}

func forces(s *Values, value string) error {
	return list(func(item string) (bool, error) {
		var force bool
		err := boolean(func(*Values) *bool { return &force })(nil, item)
		return force, err
	}, func(s *Values) *[]bool { return &s.Force })(s, value)
}

func storageClass(s *Values, value string) error {
	class, err := names(validation.IsDNS1123Subdomain)(value)
	s.StorageClasses = []string{class}
	return err
}

func classes(s *Values, value string) error {
	if len(s.StorageClasses) > 0 {
		return wanted("only one of STORAGE_CLASS and STORAGE_CLASSES set")
	}
	if value == AllClasses {
		s.StorageClasses = []string{AllClasses}
		return nil
	}
	return list(names(validation.IsDNS1123Subdomain), func(s *Values) *[]string { return &s.StorageClasses })(s, value)
}

func sequence(s *Values, value string) error {
	word, err := choice("parallel", "serial")(value)
	s.Serial = word == "serial"
	return err
}

func affected(s *Values, value string) error {
	return number(0, 100, func(s *Values) *int { return &s.AffectedPercent })(s, value)
}

func number(least, most int, field func(*Values) *int) func(*Values, string) error {
	return func(s *Values, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return wanted(fmt.Sprintf("a whole number, %d to %d", least, most))
		}
		*field(s) = n
		return nil
	}
}

func claimTemplate(s *Values, value string) error {
	if !filepath.IsAbs(value) {
		return wanted("an absolute path in the experiment's pod")
	}
	s.ClaimTemplate = value
	return nil
}

func requiredEvidence(s *Values, value string) error {
	if err := s.RequiredEvidence.UnmarshalText([]byte(value)); err != nil {
		return wanted("one of " + strings.Join(provenance.Names(), ", "))
	}
	return nil
}

// quoted lists words as code in Markdown.
func quoted(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

func optional(set func(*Values, string) error) func(*Values, string) error {
	return func(s *Values, value string) error {
		if value == "" {
			return nil
		}
		return set(s, value)
	}
}

func claimSize(s *Values, value string) error {
	q, err := resource.ParseQuantity(value)
	if err != nil || q.Sign() <= 0 {
		return wanted("a Kubernetes quantity above zero, such as 5Gi")
	}
	s.ClaimSize = q
	return nil
}

func journalFile(s *Values, value string) error {
	if !path.IsAbs(value) || path.Clean(value) != value || path.Dir(value) == "/" || strings.ContainsAny(value, ":\n") {
		return wanted("an absolute, clean path with at least one folder, such as /data/logs.log")
	}
	s.JournalFile = value
	return nil
}

// maxWriteRate is far above what storage commits today.
const maxWriteRate = 10_000_000

func writeRate(s *Values, value string) error {
	rate, err := strconv.ParseFloat(value, 64)
	// The negation refuses NaN too.
	if err != nil || !(rate >= 0 && rate <= maxWriteRate) || rate > 0 && rate < 0.01 {
		return wanted(fmt.Sprintf("0, or a number of records a second from 0.01 to %d", maxWriteRate))
	}
	s.WriteRate = rate
	return nil
}

func image(s *Values, value string) error {
	if strings.ContainsAny(value, " \t\n") {
		return wanted("an image reference")
	}
	s.Image = value
	return nil
}
