package journal

import "time"

// maxListed bounds each list of a report, and so the scanner's memory, beside one
// entry for each epoch: every deletion may leave as much in a journal that is whole.
// What is beyond it is counted in Report.Unlisted.
const maxListed = 4096

// Point names one record of a journal.
type Point struct {
	Epoch int    `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Digest is the sum that the record at a point carries, as found in the file.
type Digest struct {
	Point
	Sum uint32 `json:"sum"`
}

// Segment is a run of intact records of one epoch with consecutive sequence
// numbers, each linked to the one before it. Records of other epochs may lie
// between them: two writers may have been alive at once. A segment ends at a point
// that was asked for, so that what was acknowledged and what was not are apart.
type Segment struct {
	Epoch int    `json:"epoch"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Offset and End bound the segment in the file, in bytes; End is exclusive.
	Offset int64 `json:"offset"`
	End    int64 `json:"end"`
	// Unlinked says that the first record follows the last one of the epoch's
	// segment before it by number, but does not carry its sum.
	Unlinked bool `json:"unlinked,omitempty"`
	// Displaced counts the records found at another offset than they name.
	Displaced uint64 `json:"displaced,omitempty"`

	lastSum uint32
}

// Damage is a range of bytes that holds no intact record.
type Damage struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Zeros counts the zero bytes in the range.
	Zeros int64 `json:"zeros,omitempty"`
	// Partial is the record of which the range holds the beginning, and after
	// it at most zeros and line ends.
	Partial *Point `json:"partial,omitempty"`
	// Blank says that the range holds line ends only.
	Blank bool `json:"blank,omitempty"`
}

// Range is a range of bytes of a file.
type Range struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// Foreign is a run of intact records of another journal.
type Foreign struct {
	ID      string `json:"id"`
	Records uint64 `json:"records"`
	Offset  int64  `json:"offset"`
	End     int64  `json:"end"`
}

// Report is what a scan found in a file. It lists everything in the file's
// order, and covers every byte: a byte belongs to a segment, to damage or to
// foreign records.
type Report struct {
	Format
	// Present is false when there was no file to scan.
	Present bool `json:"present"`
	// Bytes is the length of the file as read.
	Bytes int64 `json:"bytes"`
	// Records counts the intact records of this journal, duplicates included.
	Records  uint64    `json:"records"`
	Segments []Segment `json:"segments,omitempty"`
	Damage   []Damage  `json:"damage,omitempty"`
	Foreign  []Foreign `json:"foreign,omitempty"`
	// Unreadable lists the ranges of bytes that could not be read, in the file's
	// order. The scan saw zeros in their place. Who reads the file fills it in.
	Unreadable []Range `json:"unreadable,omitempty"`
	// Digests holds those of the points asked for that were found, the first of each.
	Digests []Digest `json:"digests,omitempty"`
	// FirstTime and LastTime are those of the first and the last intact record in the file.
	FirstTime time.Time `json:"firstTime,omitzero"`
	LastTime  time.Time `json:"lastTime,omitzero"`
	// Unterminated says that the file does not end with a newline.
	Unterminated bool `json:"unterminated,omitempty"`
	// Unlisted counts the segments, damaged ranges and foreign runs beyond those listed.
	Unlisted int `json:"unlisted,omitempty"`
}
