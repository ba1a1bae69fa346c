package options

import (
	"fmt"
	"math"
	"net"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// wanted is an error that names the valid values.
type wanted string

func (w wanted) Error() string { return string(w) }

func seconds(minimum int, field func(*Values) *time.Duration) func(*Values, string) error {
	return func(v *Values, value string) (err error) {
		*field(v), err = ParseDuration(value, time.Duration(minimum)*time.Second)
		return err
	}
}

// limit returns a reader of a duration that need not be whole seconds.
func limit(field func(*Values) *time.Duration) func(*Values, string) error {
	return func(v *Values, value string) error {
		d, err := readDuration(value)
		if err != nil || d < time.Microsecond || d > maxDuration {
			return wanted("a whole number of seconds, or a duration such as 50ms or 30s, at most 720h")
		}
		*field(v) = d
		return nil
	}
}

func minRate(v *Values, value string) error {
	var read Values
	if err := writeRate(&read, value); err != nil || read.WriteRate == 0 {
		return wanted(fmt.Sprintf("0.01 to %d records per second", maxWriteRate))
	}
	v.Thresholds.MinRate = read.WriteRate
	return nil
}

// interval reads one number of seconds, or a range of them, such as 5-10.
func interval(v *Values, value string) error {
	first, last, ranged := strings.Cut(value, "-")
	if !ranged {
		last = first
	}
	lower, lowerErr := ParseDuration(first, time.Second)
	upper, upperErr := ParseDuration(last, time.Second)
	if !ranged && upperErr != nil {
		upper, upperErr = shortInterval(value)
		lowerErr = upperErr
	}
	if lowerErr != nil || upperErr != nil || lower > upper {
		return wanted(fmt.Sprintf("a whole number of seconds, 1 to %d, or a duration such as 30s or 2m, or one from 50ms "+
			"to 1s, or with RANDOMNESS a range of whole seconds, such as 5-10", int(maxDuration/time.Second)))
	}
	v.Interval = upper
	if ranged {
		v.MinInterval = lower
	}
	return nil
}

// shortestInterval is the shortest interval between deletions. A writer needs about this time to start on a local disk.
const shortestInterval = 50 * time.Millisecond

// shortInterval reads an interval that is shorter than a second.
func shortInterval(value string) (time.Duration, error) {
	d, err := readDuration(value)
	if err != nil || d < shortestInterval || d > time.Second {
		return 0, wanted("a duration from " + shortestInterval.String() + " to 1s")
	}
	return d, nil
}

// maxDuration guards against typing errors.
const maxDuration = 30 * 24 * time.Hour

// ParseDuration reads a duration of whole seconds: a number of seconds, as in Litmus, or a number with a unit, such as
// 30s, 2m or 1h30m.
func ParseDuration(value string, minimum time.Duration) (time.Duration, error) {
	d, err := readDuration(value)
	if err != nil || d < minimum || d > maxDuration || d%time.Second != 0 {
		return 0, wanted(fmt.Sprintf("a whole number of seconds, %d to %d, or a duration such as 30s or 2m",
			int(minimum/time.Second), int(maxDuration/time.Second)))
	}
	return d, nil
}

// readDuration reads a duration: a number of seconds, or a number with a unit.
func readDuration(value string) (time.Duration, error) {
	if seconds, err := strconv.Atoi(value); err == nil && seconds <= int(maxDuration/time.Second) {
		return time.Duration(seconds) * time.Second, nil
	}
	return time.ParseDuration(value)
}

func boolean(field func(*Values) *bool) func(*Values, string) error {
	return func(v *Values, value string) error {
		switch strings.ToLower(value) {
		case "true":
			*field(v) = true
		case "false":
			*field(v) = false
		default:
			return wanted("true or false")
		}
		return nil
	}
}

func oneOf[T ~string](field func(*Values) *T, choices ...T) func(*Values, string) error {
	return func(v *Values, value string) error {
		names := make([]string, len(choices))
		for i, c := range choices {
			if string(c) == value {
				*field(v) = c
				return nil
			}
			names[i] = string(c)
		}
		return wanted("one of " + strings.Join(names, ", "))
	}
}

func name(check func(string) []string, field func(*Values) *string) func(*Values, string) error {
	return func(v *Values, value string) (err error) {
		*field(v), err = names(check)(value)
		return err
	}
}

// names returns a parser of names of Kubernetes objects.
func names(check func(string) []string) func(string) (string, error) {
	return func(value string) (string, error) {
		if wrong := check(value); len(wrong) > 0 {
			return "", wanted("a Kubernetes name: " + strings.Join(wrong, "; "))
		}
		return value, nil
	}
}

// list returns a parser of distinct values, separated by commas.
func list[T comparable](read func(string) (T, error), field func(*Values) *[]T) func(*Values, string) error {
	return func(v *Values, value string) error {
		var all []T
		for item := range strings.SplitSeq(value, ",") {
			one, err := read(strings.TrimSpace(item))
			if err != nil {
				return err
			}
			if slices.Contains(all, one) {
				return wanted(fmt.Sprintf("distinct values, but %v occurs twice", one))
			}
			all = append(all, one)
		}
		*field(v) = all
		return nil
	}
}

// choice returns a parser of one of the words.
func choice[T ~string](choices ...T) func(string) (T, error) {
	return func(value string) (T, error) {
		var word T
		err := oneOf(func(*Values) *T { return &word }, choices...)(nil, value)
		return word, err
	}
}

// accessMode reads an access mode or its abbreviation.
func accessMode(value string) (corev1.PersistentVolumeAccessMode, error) {
	for mode, abbreviation := range accessModeAbbreviations {
		if value == string(mode) || strings.EqualFold(value, abbreviation) {
			return mode, nil
		}
	}
	const valid = "one of ReadWriteOnce (RWO), ReadWriteOncePod (RWOP), ReadWriteMany (RWX)"
	if value == string(corev1.ReadOnlyMany) || strings.EqualFold(value, "ROX") {
		return "", wanted(valid + ": a writer cannot write to a ReadOnlyMany volume")
	}
	return "", wanted(valid)
}

func readerNode(value string) (ReaderNode, error) {
	node, err := names(validation.IsDNS1123Subdomain)(value)
	return ReaderNode(node), err
}

func forces(v *Values, value string) error {
	return list(func(item string) (bool, error) {
		var force bool
		err := boolean(func(*Values) *bool { return &force })(nil, item)
		return force, err
	}, func(v *Values) *[]bool { return &v.Force })(v, value)
}

func storageClass(v *Values, value string) error {
	class, err := names(validation.IsDNS1123Subdomain)(value)
	v.StorageClasses = []string{class}
	return err
}

func classes(v *Values, value string) error {
	if len(v.StorageClasses) > 0 {
		return wanted("only one of STORAGE_CLASS and STORAGE_CLASSES set")
	}
	if value == AllStorageClasses {
		v.StorageClasses = []string{AllStorageClasses}
		return nil
	}
	return list(names(validation.IsDNS1123Subdomain), func(v *Values) *[]string { return &v.StorageClasses })(v, value)
}

func sequence(v *Values, value string) error {
	word, err := choice("parallel", "serial")(value)
	v.Serial = word == "serial"
	return err
}

func affected(v *Values, value string) error {
	return number(0, 100, func(v *Values) *int { return &v.AffectedPercent })(v, value)
}

func number(minimum, maximum int, field func(*Values) *int) func(*Values, string) error {
	return func(v *Values, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < minimum || n > maximum {
			return wanted(fmt.Sprintf("a whole number, %d to %d", minimum, maximum))
		}
		*field(v) = n
		return nil
	}
}

// maxID is the highest ID of a user or a group that Kubernetes accepts.
const maxID = math.MaxInt32

// readID reads the ID of a user or a group.
func readID(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > maxID {
		return 0, wanted(fmt.Sprintf("none, or a whole number, 0 to %d", maxID))
	}
	return n, nil
}

// id returns a reader of the ID of a user or a group, or of none.
func id(field func(*Values) **int64) func(*Values, string) error {
	return func(v *Values, value string) error {
		if value == None {
			*field(v) = nil
			return nil
		}
		n, err := readID(value)
		*field(v) = &n
		return err
	}
}

func groups(v *Values, value string) error {
	if value == None {
		v.SupplementalGroups = nil
		return nil
	}
	return list(readID, func(v *Values) *[]int64 { return &v.SupplementalGroups })(v, value)
}

// absolutePath returns a reader of the path of a file.
func absolutePath(field func(*Values) *string) func(*Values, string) error {
	return func(v *Values, value string) error {
		if !filepath.IsAbs(value) {
			return wanted("an absolute path in the experiment's pod")
		}
		*field(v) = value
		return nil
	}
}

func claimTemplate(v *Values, value string) error {
	return absolutePath(func(v *Values) *string { return &v.ClaimTemplate })(v, value)
}

func requiredEvidence(v *Values, value string) error {
	if err := v.RequiredEvidence.UnmarshalText([]byte(value)); err != nil {
		return wanted("one of " + strings.Join(provenance.LevelNames(), ", "))
	}
	return nil
}

func optional(set func(*Values, string) error) func(*Values, string) error {
	return func(v *Values, value string) error {
		if value == "" {
			return nil
		}
		return set(v, value)
	}
}

func claimSize(v *Values, value string) error {
	q, err := resource.ParseQuantity(value)
	if err != nil || q.Sign() <= 0 {
		return wanted("a Kubernetes quantity greater than zero, such as 5Gi")
	}
	v.ClaimSize = q
	return nil
}

func journalFile(v *Values, value string) error {
	if !path.IsAbs(value) || path.Clean(value) != value || path.Dir(value) == "/" || strings.ContainsAny(value, ":\n") {
		return wanted("an absolute path in a folder, such as /data/logs.log, without . or .. or a colon")
	}
	v.JournalFile = value
	return nil
}

// maxWriteRate is far more than storage can commit today.
const maxWriteRate = 10_000_000

func writeRate(v *Values, value string) error {
	rate, err := strconv.ParseFloat(value, 64)
	// The negated form also rejects NaN.
	if err != nil || !(rate >= 0 && rate <= maxWriteRate) || rate > 0 && rate < 0.01 {
		return wanted(fmt.Sprintf("0, or 0.01 to %d records per second", maxWriteRate))
	}
	v.WriteRate = rate
	return nil
}

func metricsAddress(v *Values, value string) error {
	_, port, err := net.SplitHostPort(value)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		return wanted("an address with a port, such as :9464 or localhost:9464")
	}
	v.MetricsAddress = value
	return nil
}

func image(v *Values, value string) error {
	if strings.ContainsAny(value, " \t\n") {
		return wanted("an image reference")
	}
	v.Image = value
	return nil
}
