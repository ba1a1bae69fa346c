package journal

import "time"

// maxListed limits the entries of each list in a report, and so the scanner's memory. There
// may be one more entry for each epoch, because every deletion can leave one in an intact
// journal. ScanReport.Unlisted counts the entries beyond the limit.
const maxListed = 4096

// Point is one record of a journal.
type Point struct {
	Epoch int    `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Digest is the checksum of the record at a point, as found in the file.
type Digest struct {
	Point
	Checksum uint32 `json:"checksum"`
}

// Segment is a sequence of intact records of one epoch with consecutive sequence numbers, each linked to the
// previous one by its checksum. Records of other epochs may be between them, if two writers ran at the same time. A
// segment ends at a requested point, so that it holds either acknowledged records or unacknowledged ones.
type Segment struct {
	Epoch int    `json:"epoch"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Offset and End are the segment's range of bytes in the file; End is exclusive.
	Offset int64 `json:"offset"`
	End    int64 `json:"end"`
	// Unlinked reports whether the first record has the next sequence number after the epoch's previous segment,
	// but not that segment's checksum.
	Unlinked bool `json:"unlinked,omitempty"`
	// Displaced is the number of records at another offset than the one they name.
	Displaced uint64 `json:"displaced,omitempty"`

	lastChecksum uint32
}

// Damage is a range of bytes without an intact record.
type Damage struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Zeros is the number of zero bytes in the range.
	Zeros int64 `json:"zeros,omitempty"`
	// Partial is the record whose first part is at the start of the range, if only zeros and newlines follow it.
	Partial *Point `json:"partial,omitempty"`
	// Blank reports whether the range holds only newlines.
	Blank bool `json:"blank,omitempty"`
}

// Range is a range of bytes of a file.
type Range struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// Foreign is a sequence of intact records of another journal.
type Foreign struct {
	ID      string `json:"id"`
	Records uint64 `json:"records"`
	Offset  int64  `json:"offset"`
	End     int64  `json:"end"`
}

// ScanReport is what a scan found in a file. Its lists are in the order of the file. Every byte
// belongs to a segment, to damage or to foreign records.
type ScanReport struct {
	Format
	// Present reports whether there was a file to scan.
	Present bool `json:"present"`
	// Bytes is the number of bytes that were read.
	Bytes int64 `json:"bytes"`
	// Records is the number of intact records of this journal, including duplicates.
	Records  uint64    `json:"records"`
	Segments []Segment `json:"segments,omitempty"`
	Damage   []Damage  `json:"damage,omitempty"`
	Foreign  []Foreign `json:"foreign,omitempty"`
	// Unreadable lists the ranges of bytes that could not be read. The scan was given zeros in their place. Scan does
	// not fill it in; the caller that reads the file does.
	Unreadable []Range `json:"unreadable,omitempty"`
	// Digests are the checksums of the requested points that were found. A record that occurs twice has only the first.
	Digests []Digest `json:"digests,omitempty"`
	// FirstTime and LastTime are the times of the first and the last intact record in the file.
	FirstTime time.Time `json:"firstTime,omitzero"`
	LastTime  time.Time `json:"lastTime,omitzero"`
	// Unterminated reports whether the file does not end with a newline.
	Unterminated bool `json:"unterminated,omitempty"`
	// Unlisted is the number of segments, damaged ranges and foreign sequences that are not listed.
	Unlisted int `json:"unlisted,omitempty"`
}
