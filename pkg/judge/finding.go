package judge

import (
	"fmt"
	"strings"
)

// Class is one way in which data can differ from what was promised.
type Class string

// The classes of findings.
const (
	Missing     Class = "missing"     // no journal, or an empty one
	LostTail    Class = "lost-tail"   // the last acknowledged records of an epoch are not there
	LostGap     Class = "lost-gap"    // acknowledged records are not there, later ones are
	Corrupt     Class = "corrupt"     // other bytes stand where acknowledged records should
	Torn        Class = "torn"        // only the beginning of an acknowledged record is there
	Reordered   Class = "reordered"   // records are there, in another order than they were written
	Duplicated  Class = "duplicated"  // records are there more than once
	RolledBack  Class = "rolled-back" // records that a later pod had read back are gone again
	Foreign     Class = "foreign"     // data that this run never wrote
	Unavailable Class = "unavailable" // the volume could not be mounted or read in time
	ReadOnly    Class = "read-only"   // the volume could not be written any more
)

// Finding is one difference between the journal and the promises.
type Finding struct {
	Class Class `json:"class"`
	// Epoch, First and Last bound the records concerned; zero where none can be
	// named. Last is in LastEpoch, where that is not zero.
	Epoch     int    `json:"epoch,omitempty"`
	First     uint64 `json:"first,omitempty"`
	LastEpoch int    `json:"lastEpoch,omitempty"`
	Last      uint64 `json:"last,omitempty"`
	// Records counts the acknowledged records concerned, over all epochs.
	Records uint64 `json:"records"`
	// Offset and End bound the bytes concerned in the file, End excluded. They are
	// equal where records are gone and mark the place at which they should be.
	Offset int64 `json:"offset"`
	End    int64 `json:"end"`
	// Detail says in a few words what a class and numbers cannot.
	Detail string `json:"detail,omitempty"`
}

// String names the class, the counts and the first sequence number concerned.
func (f Finding) String() string {
	s := string(f.Class)
	switch {
	case f.Records == 1:
		s += ": 1 acknowledged record"
	case f.Records > 1:
		s += fmt.Sprintf(": %s acknowledged records", FormatCount(f.Records))
	}
	if f.LastEpoch > 0 {
		s += fmt.Sprintf(", epoch %d sequence %d to epoch %d sequence %d", f.Epoch, f.First, f.LastEpoch, f.Last)
	} else if f.First > 0 {
		s += fmt.Sprintf(", epoch %d sequence %d to %d", f.Epoch, f.First, f.Last)
	}
	if f.Detail != "" {
		s += " (" + f.Detail + ")"
	}
	return s
}

// FormatCount is a number as people read it, in groups of three digits: 12 345.
func FormatCount(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// named is how many findings a summary names.
const named = 3

// Summary names the first findings in a sentence, and counts the others.
func Summary(all []Finding) string {
	sentences := make([]string, 0, named+1)
	for _, f := range all[:min(len(all), named)] {
		sentences = append(sentences, f.String())
	}
	switch more := len(all) - named; {
	case more == 1:
		sentences = append(sentences, "1 more finding")
	case more > 1:
		sentences = append(sentences, fmt.Sprintf("%d more findings", more))
	}
	return strings.Join(sentences, "; ")
}

// lastEpoch is the epoch that Last is in.
func (f Finding) lastEpoch() int { return max(f.Epoch, f.LastEpoch) }
