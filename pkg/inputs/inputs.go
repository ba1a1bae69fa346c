package inputs

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Input is one thing that a user can set, by an environment variable.
type Input struct {
	// Name is the variable's.
	Name string
	// Default is the value where the variable is unset or empty.
	Default string
	// Doc says what it means, in a sentence or two of Markdown.
	Doc string
	// Litmus says that the name is Litmus's own.
	Litmus bool

	set func(*Settings, string) error
}

// Problem is one mistake in the inputs.
type Problem struct {
	Name, Value, Want string
}

func (p Problem) Error() string {
	return fmt.Sprintf("%s=%q: want %s", p.Name, p.Value, p.Want)
}

// wanted is how a setter says what would have been right.
type wanted string

func (w wanted) Error() string { return string(w) }

// Table returns every input, in the order in which to show them.
func Table() []Input {
	return []Input{
		{"TOTAL_CHAOS_DURATION", "30", "Seconds of chaos: the writer is deleted every `CHAOS_INTERVAL` for this long, at least once.", true,
			seconds(1, func(s *Settings) *time.Duration { return &s.Duration })},
		{"CHAOS_INTERVAL", "10", "Seconds from the beginning of the chaos to the first deletion, and between deletions. A writer that has not come back and been acknowledged by then is waited for.", true,
			interval},
		{"RANDOMNESS", "false", "Make each interval a random one: of 1 second to `CHAOS_INTERVAL`, or of a range such as `5-10`.", true,
			boolean(func(s *Settings) *bool { return &s.Randomness })},
		{"FORCE", "false", "Delete with a grace period of 0.", true,
			boolean(func(s *Settings) *bool { return &s.Force })},
		{"RAMP_TIME", "0", "Seconds to wait before and after the chaos.", true,
			seconds(0, func(s *Settings) *time.Duration { return &s.RampTime })},
		{"WORKLOAD_NAMESPACE", "stig", "Namespace of the claim and of the pods. It must exist.", false,
			name(validation.IsDNS1123Label, func(s *Settings) *string { return &s.Namespace })},
		{"VOLUME_SOURCE", "claim", "`claim` tests a PersistentVolumeClaim; `emptyDir` is the control that must fail: it forgets everything with each pod.", false,
			oneOf(func(s *Settings) *VolumeSource { return &s.VolumeSource }, Claim, EmptyDir)},
		{"STORAGE_CLASS", "", "StorageClass of the claim; empty for the cluster's default.", false,
			optional(name(validation.IsDNS1123Subdomain, func(s *Settings) *string { return &s.StorageClass }))},
		{"EXISTING_CLAIM", "", "Use this claim and make none. It is never deleted; `JOURNAL_FILE` must not exist on it.", false,
			optional(name(validation.IsDNS1123Subdomain, func(s *Settings) *string { return &s.ExistingClaim }))},
		{"CLAIM_NAME", "stig-pvc", "Name of the claim to make.", false,
			name(validation.IsDNS1123Subdomain, func(s *Settings) *string { return &s.ClaimName })},
		{"CLAIM_SIZE", "5Gi", "Size of the claim to make.", false, claimSize},
		{"ACCESS_MODE", "ReadWriteOnce", "Access mode of the claim to make: `ReadWriteOnce`, `ReadWriteOncePod` or `ReadWriteMany`.", false,
			oneOf(func(s *Settings) *corev1.PersistentVolumeAccessMode { return &s.AccessMode },
				corev1.ReadWriteOnce, corev1.ReadWriteOncePod, corev1.ReadWriteMany)},
		{"WRITER_POD", "write-pod", "Name of the pod that writes and is deleted.", false,
			name(validation.IsDNS1123Subdomain, func(s *Settings) *string { return &s.WriterPod })},
		{"READER_POD", "read-pod", "Name of the pod that reads the journal back.", false,
			name(validation.IsDNS1123Subdomain, func(s *Settings) *string { return &s.ReaderPod })},
		{"READER_NODE", "any", "Where the reader runs, seen from the last writer: `any` node, the `same`, an `other`, or a node's name. On the same node it may be reading the page cache.", false,
			name(validation.IsDNS1123Subdomain, func(s *Settings) *string { return (*string)(&s.ReaderNode) })},
		{"JOURNAL_FILE", "/data/logs.log", "Path of the journal in the pods; the volume is mounted at its folder.", false, journalFile},
		{"RECORD_SIZE", "256", fmt.Sprintf("Bytes a record, %d to %d.", journal.MinRecordSize, journal.MaxRecordSize), false, recordSize},
		{"WRITE_RATE", "100", "Records a second; 0 for as many as the volume takes.", false, writeRate},
		{"KEEP", "false", "Keep the claim and the reader's pod after the run, to look at them: `kubectl exec read-pod -n stig -- cat /data/logs.log`. They go with the engine.", false,
			boolean(func(s *Settings) *bool { return &s.Keep })},
		{"LIB_IMAGE", "", "Image of the writer's and the reader's pod; empty for the experiment's own.", true,
			optional(image)},
		{"LIB_IMAGE_PULL_POLICY", "IfNotPresent", "Pull policy of that image.", true,
			oneOf(func(s *Settings) *corev1.PullPolicy { return &s.ImagePullPolicy },
				corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)},
		{"ORCHESTRATOR", "auto", "`kubernetes` or `swarm` states what orchestrates; `auto` looks at the nodes' labels. With Swarm the check is Not Applicable and nothing is created.", false,
			oneOf(func(s *Settings) *Orchestrator { return &s.Orchestrator }, Auto, Kubernetes, Swarm)},
		{"STATUS_CHECK_TIMEOUT", "180", "Seconds that each step in the cluster may take: a claim bound, a pod running or gone, a first acknowledgement. chaos-runner sets it from the engine's `statusCheckTimeouts.timeout`.", true,
			seconds(1, func(s *Settings) *time.Duration { return &s.StatusTimeout })},
		{"VERIFY_TIMEOUT", "300", "Seconds that reading the journal back may take.", false,
			seconds(1, func(s *Settings) *time.Duration { return &s.VerifyTimeout })},
	}
}

// Defaults are the settings of a run in which nothing is set.
func Defaults() Settings {
	s, err := Parse(func(string) string { return "" })
	if err != nil {
		panic(fmt.Sprintf("the table of inputs has a default that it refuses: %v", err))
	}
	return s
}

// Parse reads every input. The error joins a Problem for each mistake.
func Parse(getenv func(string) string) (Settings, error) {
	var s Settings
	var problems []error
	for _, input := range Table() {
		value := strings.TrimSpace(getenv(input.Name))
		if value == "" {
			value = input.Default
		}
		if err := input.set(&s, value); err != nil {
			problems = append(problems, Problem{input.Name, value, err.Error()})
		}
	}
	problems = append(problems, contradictions(s)...)
	if s.Randomness && s.LeastInterval == 0 {
		s.LeastInterval = time.Second
	}
	return s, errors.Join(problems...)
}

// contradictions are mistakes that no input makes alone.
func contradictions(s Settings) []error {
	var problems []error
	if s.LeastInterval > 0 && !s.Randomness {
		problems = append(problems, Problem{"RANDOMNESS", "false", "true where CHAOS_INTERVAL is a range"})
	}
	if s.ExistingClaim != "" && s.VolumeSource == EmptyDir {
		problems = append(problems, Problem{"EXISTING_CLAIM", s.ExistingClaim, "it unset where VOLUME_SOURCE is emptyDir"})
	}
	if s.ExistingClaim != "" && s.StorageClass != "" {
		problems = append(problems, Problem{"STORAGE_CLASS", s.StorageClass, "it unset where EXISTING_CLAIM names a claim, which has its class already"})
	}
	if s.WriterPod != "" && s.WriterPod == s.ReaderPod {
		problems = append(problems, Problem{"READER_POD", s.ReaderPod, "another name than WRITER_POD"})
	}
	return problems
}

func seconds(least int, field func(*Settings) *time.Duration) func(*Settings, string) error {
	return func(s *Settings, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > int(maxDuration/time.Second) {
			return wanted(fmt.Sprintf("a whole number of seconds, %d to %d", least, int(maxDuration/time.Second)))
		}
		*field(s) = time.Duration(n) * time.Second
		return nil
	}
}

// interval reads one number of seconds, or a range of them, such as 5-10.
func interval(s *Settings, value string) error {
	least, most, ranged := strings.Cut(value, "-")
	if !ranged {
		most = least
	}
	var from, to Settings
	read := func(into *Settings, value string) error {
		return seconds(1, func(s *Settings) *time.Duration { return &s.Interval })(into, value)
	}
	if err := errors.Join(read(&from, least), read(&to, most)); err != nil || from.Interval > to.Interval {
		return wanted(fmt.Sprintf("a whole number of seconds, 1 to %d, or with RANDOMNESS a range of them, such as 5-10", int(maxDuration/time.Second)))
	}
	s.Interval = to.Interval
	if ranged {
		s.LeastInterval = from.Interval
	}
	return nil
}

// maxDuration keeps a slip of the finger from asking for years.
const maxDuration = 30 * 24 * time.Hour

func boolean(field func(*Settings) *bool) func(*Settings, string) error {
	return func(s *Settings, value string) error {
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

func oneOf[T ~string](field func(*Settings) *T, choices ...T) func(*Settings, string) error {
	return func(s *Settings, value string) error {
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

func name(check func(string) []string, field func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, value string) error {
		if wrong := check(value); len(wrong) > 0 {
			return wanted("a Kubernetes name: " + strings.Join(wrong, "; "))
		}
		*field(s) = value
		return nil
	}
}

func optional(set func(*Settings, string) error) func(*Settings, string) error {
	return func(s *Settings, value string) error {
		if value == "" {
			return nil
		}
		return set(s, value)
	}
}

func claimSize(s *Settings, value string) error {
	q, err := resource.ParseQuantity(value)
	if err != nil || q.Sign() <= 0 {
		return wanted("a Kubernetes quantity above zero, such as 5Gi")
	}
	s.ClaimSize = q
	return nil
}

func journalFile(s *Settings, value string) error {
	if !path.IsAbs(value) || path.Clean(value) != value || path.Dir(value) == "/" || strings.ContainsAny(value, ":\n") {
		return wanted("an absolute, clean path with at least one folder, such as /data/logs.log")
	}
	s.JournalFile = value
	return nil
}

func recordSize(s *Settings, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < journal.MinRecordSize || n > journal.MaxRecordSize {
		return wanted(fmt.Sprintf("a whole number of bytes, %d to %d", journal.MinRecordSize, journal.MaxRecordSize))
	}
	s.RecordSize = n
	return nil
}

// maxWriteRate is far above what storage commits today.
const maxWriteRate = 10_000_000

func writeRate(s *Settings, value string) error {
	rate, err := strconv.ParseFloat(value, 64)
	// The negation refuses NaN too.
	if err != nil || !(rate >= 0 && rate <= maxWriteRate) || rate > 0 && rate < 0.01 {
		return wanted(fmt.Sprintf("0, or a number of records a second from 0.01 to %d", maxWriteRate))
	}
	s.WriteRate = rate
	return nil
}

func image(s *Settings, value string) error {
	if strings.ContainsAny(value, " \t\n") {
		return wanted("an image reference")
	}
	s.Image = value
	return nil
}
