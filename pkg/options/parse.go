package options

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// InvalidValueError is the error of an option with an invalid value.
type InvalidValueError struct {
	Name, Value, Want string
}

func (i InvalidValueError) Error() string {
	return fmt.Sprintf("%s=%q: want %s", i.Name, i.Value, i.Want)
}

// Defaults returns the values of a run in which no option is set.
func Defaults() Values {
	v, err := Parse(func(string) string { return "" })
	if err != nil {
		panic(fmt.Sprintf("an option has an invalid default: %v", err))
	}
	return v
}

// Parse reads every option. Its error joins an InvalidValueError for each invalid one.
func Parse(getenv func(string) string) (Values, error) {
	var v Values
	var problems []error
	for _, option := range Table() {
		value := strings.TrimSpace(getenv(option.Name))
		if value == "" {
			value = option.Default
		}
		if err := option.set(&v, value); err != nil {
			problems = append(problems, InvalidValueError{option.Name, value, err.Error()})
		}
	}
	problems = append(problems, conflicts(v)...)
	if v.Randomness && v.MinInterval == 0 {
		v.MinInterval = shortestRandomInterval
	}
	if len(v.StorageClasses) == 0 {
		v.StorageClasses = []string{""}
	}
	return v, errors.Join(problems...)
}

// conflicts returns an InvalidValueError for each option that does not fit another one.
func conflicts(v Values) []error {
	var problems []error
	check := func(conflict bool, name, value, want string) {
		if conflict {
			problems = append(problems, InvalidValueError{name, value, want})
		}
	}
	emptyDir, existing, classes := v.VolumeSource == EmptyDir, v.ExistingClaim != "", len(v.StorageClasses) > 0
	check(v.MinInterval > 0 && !v.Randomness, "RANDOMNESS", "false", "true if CHAOS_INTERVAL is a range")
	check(v.Randomness && v.Interval > 0 && v.Interval < shortestRandomInterval, "CHAOS_INTERVAL", intervalText(v),
		fmt.Sprintf("at least %v with RANDOMNESS", shortestRandomInterval))
	check(existing && emptyDir, "EXISTING_CLAIM", v.ExistingClaim, "no value if VOLUME_SOURCE is emptyDir")
	check(classes && existing, "EXISTING_CLAIM", v.ExistingClaim,
		"no value if STORAGE_CLASS or STORAGE_CLASSES is set: an existing claim already has a class")
	check(classes && emptyDir, "VOLUME_SOURCE", string(EmptyDir),
		"claim if STORAGE_CLASS or STORAGE_CLASSES is set: an emptyDir has no class")
	check(v.RequiredEvidence == provenance.OtherMachine && slices.Contains(v.ReaderNodes, SameNode),
		"REQUIRED_EVIDENCE", v.RequiredEvidence.String(),
		"reattached or lower, because READER_NODE=same never reaches other-machine")
	check(v.ClaimTemplate != "" && (existing || emptyDir), "CLAIM_TEMPLATE", v.ClaimTemplate,
		"no value if the run creates no claim")
	check(len(v.AccessModes) > 1 && (existing || emptyDir), "ACCESS_MODE", fmt.Sprint(v.AccessModes),
		"one access mode if the run creates no claim")
	check(existing && v.cellsPerClass() > 1, "EXISTING_CLAIM", v.ExistingClaim,
		"no value if the run has several cells: a claim can hold only one journal")
	check(v.expectedDeletions() > maxDeletions, "CHAOS_INTERVAL", intervalText(v), fmt.Sprintf(
		"longer intervals, or a shorter TOTAL_CHAOS_DURATION than %v: about %d deletions would be due, and a run has at "+
			"most %d", v.Duration, v.expectedDeletions(), maxDeletions))
	check(emptyDir && slices.Contains(v.VolumeModes, corev1.PersistentVolumeBlock),
		"VOLUME_MODE", fmt.Sprint(v.VolumeModes), "Filesystem if VOLUME_SOURCE is emptyDir")
	check(v.WriterPod != "" && v.WriterPod == v.ReaderPod, "READER_POD", v.ReaderPod, "a name other than WRITER_POD's")
	check(v.RunAsUser == nil && v.RunAsGroup != nil, "RUN_AS_GROUP", idText(v.RunAsGroup),
		"none if RUN_AS_USER is none: container runtimes reject a group without a user")
	check(existing && v.FSGroup != nil && *v.FSGroup != ImageUser, "FS_GROUP", idText(v.FSGroup),
		"it unset or none if EXISTING_CLAIM is set: a run does not change the group of files that it did not create. "+
			"SUPPLEMENTAL_GROUPS gives the pods another group")
	check(v.AllowRelabel && !existing, "ALLOW_RELABEL", "true", "false if EXISTING_CLAIM is unset")
	check(v.WriterNode == ClaimNode && !existing, "WRITER_NODE", string(ClaimNode),
		"another value if EXISTING_CLAIM is unset")
	need := v.slotBytes()
	check(!existing && need > v.ClaimSize.Value(), "WRITE_OBJECTS", strconv.FormatUint(v.mostObjects(), 10), fmt.Sprintf(
		"so few that they fit into CLAIM_SIZE=%s: they need %d bytes", v.ClaimSize.String(), need))
	lowest := v.Thresholds.MinRate
	check(v.WriteRate > 0 && lowest >= v.WriteRate, MinRateOption, fmt.Sprint(lowest),
		fmt.Sprintf("less than WRITE_RATE, which is %v", v.WriteRate))
	return slices.Concat(problems, excessiveRequests(v), excessiveCells(v))
}

// maxDeletions limits the expected number of deletions of a run. The format of records has no more epochs. The
// arguments of each pod list the last acknowledged record of every earlier epoch. They fit into the 1.5 MiB that etcd
// accepts as one object, as long as an epoch has fewer than 10 million records.
const maxDeletions = journal.MaxEpoch - 1

// shortestRandomInterval is the lower limit of random intervals if CHAOS_INTERVAL has none.
const shortestRandomInterval = time.Second

// expectedDeletions returns how many deletions a run has if none is skipped. Random intervals are uniformly
// distributed, so it uses their mean.
func (v Values) expectedDeletions() int64 {
	if v.Interval == 0 { // invalid, which has an error of its own
		return 0
	}
	interval := v.Interval
	if v.Randomness { // an interval that is too short for it has an error of its own
		interval = (max(v.MinInterval, shortestRandomInterval) + v.Interval) / 2
	}
	return int64(v.Duration / interval)
}

// intervalText returns CHAOS_INTERVAL as a duration or a range of them.
func intervalText(v Values) string {
	if v.MinInterval > 0 {
		return fmt.Sprintf("%v-%v", v.MinInterval, v.Interval)
	}
	return v.Interval.String()
}

// mostObjects returns the highest number of objects of the patterns, or 0 if none of them limits it.
func (v Values) mostObjects() uint64 {
	var most uint64
	for _, name := range v.WritePatterns {
		most = max(most, v.Layout(CellSpec{WritePattern: name}).Objects)
	}
	return most
}

// slotBytes returns the size in bytes of the objects of the pattern that needs most.
func (v Values) slotBytes() int64 {
	var most int64
	for _, name := range v.WritePatterns {
		need := int64(v.Layout(CellSpec{WritePattern: name}).Objects) * int64(v.RecordSize)
		if name == pattern.Mixed { // it has two files with slots
			need *= 2
		}
		most = max(most, need)
	}
	return most
}

// idText returns an option that id has read.
func idText(id *int64) string {
	if id == nil {
		return None
	}
	return strconv.FormatInt(*id, 10)
}

// cellsPerClass returns how many cells each StorageClass has. An option with an invalid value counts as one value.
func (v Values) cellsPerClass() int {
	return max(1, len(v.AccessModes)) * max(1, len(v.VolumeModes)) * max(1, len(v.ReaderNodes)) * max(1, len(v.Force)) *
		max(1, len(v.WritePatterns))
}
