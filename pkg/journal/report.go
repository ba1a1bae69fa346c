package journal

import "time"

// maxListed limits the entries of each list in a report, and so the scanner's memory. There
// may be one more entry for each epoch, because every deletion can leave one in an intact
// journal. ScanReport.Unlisted counts the entries beyond the limit.
const maxListed = 4096

// Point is the number of a record: its epoch and its sequence number.
type Point struct {
	Epoch int    `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Digest is the checksum of the record with an epoch and a sequence number, as found in the file.
type Digest struct {
	Point
	Checksum uint32 `json:"checksum"`
}

// Segment is a sequence of intact records of one epoch with consecutive sequence numbers. Each record contains the
// checksum of the previous one. Records of other epochs may be between them, if two writers ran at the same time. A
// segment also ends at each record whose digest the run asked for. These are the last acknowledged records of the
// epochs, so no segment has both acknowledged and unacknowledged records.
type Segment struct {
	Epoch int    `json:"epoch"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Offset is the offset of the segment's first byte.
	Offset int64 `json:"offset"`
	// End is the offset after the segment's last byte.
	End int64 `json:"end"`
	// Unlinked reports whether the segment follows the epoch's previous segment by its sequence numbers, but not by its
	// checksums: its first record does not contain the checksum of that segment's last record.
	Unlinked bool `json:"unlinked,omitempty"`
	// lastChecksum is placed here to avoid padding.
	lastChecksum uint32
	// Displaced is the number of records whose place in the file differs from the offset that they contain.
	Displaced uint64 `json:"displaced,omitempty"`
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

// ScanReport is what a scan found in a file. Its lists are sorted by offset. Every byte that was
// read is in a segment, in damage or in foreign records. An unreadable range counts as zeros.
type ScanReport struct {
	Format
	// Present reports whether there was a file to scan.
	Present bool `json:"present"`
	// Bytes is the length of the journal in bytes, including the unreadable ranges.
	Bytes int64 `json:"bytes"`
	// Records is the number of intact records of this journal, including duplicates.
	Records  uint64    `json:"records"`
	Segments []Segment `json:"segments,omitempty"`
	Damage   []Damage  `json:"damage,omitempty"`
	Foreign  []Foreign `json:"foreign,omitempty"`
	// Unreadable lists the ranges of bytes that could not be read. The scan treats them as zeros.
	Unreadable []Range `json:"unreadable,omitempty"` // set by the caller of the scan
	// Digests are the checksums of the records for which the run asked, which are the last acknowledged records of the
	// epochs. A record that was not found is not listed. If it occurs twice, the first one is listed.
	Digests []Digest `json:"digests,omitempty"`
	// FirstTime is the time of the first intact record in the file.
	FirstTime time.Time `json:"firstTime,omitzero"`
	// LastTime is the time of the last intact record in the file.
	LastTime time.Time `json:"lastTime,omitzero"`
	// Unterminated reports whether the file does not end with a newline.
	Unterminated bool `json:"unterminated,omitempty"`
	// Objects is what was found in the objects of a write pattern; absent if records are appended to one journal.
	Objects *ObjectReport `json:"objects,omitempty"`
	// Unlisted is the number of segments, damaged ranges and foreign sequences that are not listed.
	Unlisted int `json:"unlisted,omitempty"`
}
