package judge

import (
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// Finding is evidence against the storage: acknowledged data was lost or damaged, the volume could no longer be used,
// or a figure did not meet a threshold.
type Finding struct {
	Class Class `json:"class"`
	// Epoch is the epoch of the first affected record; absent if the records are unknown.
	Epoch int `json:"epoch,omitempty"`
	// First is the sequence number of the first affected record; absent if the records are unknown.
	First uint64 `json:"first,omitempty"`
	// LastEpoch is the epoch of the last affected record; absent if it is the epoch of the first one.
	LastEpoch int `json:"lastEpoch,omitempty"`
	// Last is the sequence number of the last affected record; absent if the records are unknown.
	Last uint64 `json:"last,omitempty"`
	// Records is the number of affected acknowledged records, over all epochs.
	Records uint64 `json:"records"`
	// Offset is the offset of the first affected byte. For lost records it is the offset at which they should be.
	Offset int64 `json:"offset"`
	// End is the offset after the last affected byte. It equals the offset if no byte is affected.
	End int64 `json:"end"`
	// Object is the name of the first affected object; absent if the write pattern has no objects. For a slot, the two
	// offsets are those in the file or device of the slots. For a file, they are 0 and the length of a record.
	Object string `json:"object,omitempty"`
	// Detail adds what the class and the numbers do not show.
	Detail string `json:"detail,omitempty"`
}

// IsOfFile reports whether the affected objects are files. Offset and End are then the same for each of them.
func (f Finding) IsOfFile() bool { return pattern.IsObjectName(f.Object) }

// HasPlace reports whether the finding is about a place in the journal. A volume that is too slow or cannot be used has
// none.
func (f Finding) HasPlace() bool { return f.Records > 0 || f.Offset > 0 || f.End > f.Offset }

// Bytes returns the bytes of the finding as text, from the first to the last. It is empty if the finding has no place,
// if the whole journal is missing, and for files, whose names String returns.
func (f Finding) Bytes() string {
	switch {
	case f.IsOfFile():
		return ""
	case f.End > f.Offset:
		return fmt.Sprintf("bytes %s to %s", FormatCount(f.Offset), FormatCount(f.End-1))
	case f.Offset > 0:
		return "at byte " + FormatCount(f.Offset)
	}
	return ""
}

// In returns the finding as text, with its place in the journal with this name.
func (f Finding) In(journal string) string {
	switch bytes := f.Bytes(); {
	case f.IsOfFile():
		return fmt.Sprintf("%s, in %s", f, journal)
	case bytes != "":
		return fmt.Sprintf("%s, %s of %s", f, bytes, journal)
	}
	return f.String()
}

// String returns the class, the number of records, their epochs and sequence numbers, the objects, and the detail.
func (f Finding) String() string {
	s := string(f.Class)
	if f.Records > 0 {
		s += ": " + Count(f.Records, "acknowledged record")
	}
	if f.LastEpoch > 0 {
		s += fmt.Sprintf(", epoch %s sequence %s to epoch %s sequence %s",
			FormatCount(f.Epoch), FormatCount(f.First), FormatCount(f.LastEpoch), FormatCount(f.Last))
	} else if f.isSparse() {
		s += fmt.Sprintf(", between sequence %s and %s of epoch %s",
			FormatCount(f.First), FormatCount(f.Last), FormatCount(f.Epoch))
	} else if f.First > 0 {
		s += fmt.Sprintf(", epoch %s sequence %s", FormatCount(f.Epoch), FormatCount(f.First))
		if f.Last > f.First {
			s += " to " + FormatCount(f.Last)
		}
	}
	if detail := strings.TrimSpace(f.Object + " " + f.Detail); detail != "" {
		s += " (" + detail + f.others() + ")"
	}
	return s
}

// isSparse reports whether records between First and Last are not affected.
func (f Finding) isSparse() bool {
	return f.Object != "" && f.Records > 0 && f.Last-f.First >= f.Records
}

// others counts the affected objects after the first one, of which Detail tells.
func (f Finding) others() string {
	if f.Object == "" || f.Records < 2 {
		return ""
	}
	return "; " + Count(f.Records-1, "more object")
}

// lastEpoch returns the epoch of the record that Last numbers.
func (f Finding) lastEpoch() int { return max(f.Epoch, f.LastEpoch) }

// summarized is the number of findings that Summary writes out.
const summarized = 3

// Summary returns the first findings in one line, and the number of the others.
func Summary(findings []Finding) string {
	parts := make([]string, 0, summarized+1)
	for _, f := range findings[:min(len(findings), summarized)] {
		parts = append(parts, f.String())
	}
	if more := len(findings) - summarized; more > 0 {
		parts = append(parts, Count(more, "more finding"))
	}
	return strings.Join(parts, "; ")
}

// FormatCount formats a number in groups of three digits: 12 345.
func FormatCount[N ~int | ~int64 | ~uint64](n N) string {
	s := fmt.Sprint(uint64(n))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// Count returns a number with its noun, in the plural unless the number is 1: "1 deletion", "2 000 recoveries".
func Count[N ~int | ~int64 | ~uint64](n N, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "ery"):
		noun = strings.TrimSuffix(noun, "y") + "ies"
	default:
		noun += "s"
	}
	return FormatCount(n) + " " + noun
}

// Plural returns a number and the words that follow it: one if the number is 1, and many otherwise. Use it where a verb
// or another word has to agree with the number too.
func Plural[N ~int | ~int64 | ~uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return FormatCount(n) + " " + many
}

// WasOrWere returns the verb after a number of things.
func WasOrWere[N ~int | ~int64 | ~uint64](n N) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
