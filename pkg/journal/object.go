package journal

import (
	"bytes"
	"errors"
)

// Object is what one operation of a write pattern writes: a slot of a file, or a file of a folder. Its content is one
// record.
type Object struct {
	// Epoch is the epoch that the object belongs to; absent if every epoch writes the object.
	Epoch int `json:"epoch,omitempty"`
	// Number is the position of a slot or file, from 0. If the object belongs to an epoch, it is the sequence
	// number of the operation that creates it.
	Number uint64 `json:"number"`
}

// ObjectReport is what a scan found in the objects of a write pattern. Its lists are sorted, those of records by
// epoch and sequence number, the others by object.
type ObjectReport struct {
	// Current are the records that are intact and in their own object.
	Current []RecordRange `json:"current,omitempty"`
	// Damage are the objects that do not contain an intact record.
	Damage []ObjectDamage `json:"damage,omitempty"`
	// Misdirected are the objects that contain an intact record of another object.
	Misdirected []MisdirectedRecord `json:"misdirected,omitempty"`
	// Foreign are the objects that contain an intact record of another journal.
	Foreign []ForeignRecord `json:"foreign,omitempty"`
	// Unlisted is the number of objects and ranges that are not listed.
	Unlisted int `json:"unlisted,omitempty"`
}

// RecordRange is a range of records of one epoch. They are consecutive, except with the write pattern mixed.
type RecordRange struct {
	Epoch int    `json:"epoch"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Pattern is the write pattern of the records, if the write pattern of the cell is mixed; absent otherwise. The range
	// has only the operations with this pattern, from the first to the last.
	Pattern string `json:"pattern,omitempty"`
}

// ObjectDamage describes an object without an intact record.
type ObjectDamage struct {
	Object
	// Bytes is the length of the object in bytes, including those that cannot be read.
	Bytes int64 `json:"bytes"`
	// Zeros is the number of zero bytes. No intact record contains a zero byte.
	Zeros int64 `json:"zeros,omitempty"`
	// Unreadable is the error of the read; absent if every byte could be read.
	Unreadable string `json:"unreadable,omitempty"`
	// Partial is the record that the object begins with, if the fields at its start are valid.
	Partial *Point `json:"partial,omitempty"`
	// Matching is the number of bytes at the start that match that record.
	Matching int64 `json:"matching,omitempty"`
}

// MisdirectedRecord is an object that contains an intact record of another object.
type MisdirectedRecord struct {
	Object
	// Record is the operation that wrote the record.
	Record Point `json:"record"`
}

// ForeignRecord is an object that contains an intact record of another journal.
type ForeignRecord struct {
	Object
	// ID is the ID of the other journal.
	ID string `json:"id"`
}

// ParseRecord parses a line that holds exactly one intact record of this journal, including its newline. If the record
// belongs to another journal, foreign is the ID of that journal. If the line is not an intact record, err is not nil.
func (f Format) ParseRecord(line []byte) (d Digest, foreign string, err error) {
	sum, err := f.check(line)
	isForeign := errors.Is(err, errForeign)
	if err != nil && !isForeign {
		return Digest{}, "", err
	}
	point, err := parsePoint(line)
	switch {
	case err != nil:
		return Digest{}, "", err
	case isForeign:
		return Digest{}, string(line[idAt : idAt+idLen]), nil
	case len(line) != f.RecordSize:
		return Digest{}, "", errNoRecord
	}
	return Digest{Point: point, Checksum: sum}, "", nil
}

// InspectDamage describes the bytes of an object that does not contain an intact record.
func (f Format) InspectDamage(object Object, b []byte) ObjectDamage {
	d := ObjectDamage{Object: object, Bytes: int64(len(b)), Zeros: int64(bytes.Count(b, []byte{0}))}
	if len(b) < payloadAt || !mayBeRecord(b) || string(b[idAt:idAt+idLen]) != f.ID {
		return d
	}
	var r Record
	if parseFields(b, &r) != nil {
		return d
	}
	d.Partial = &Point{Epoch: r.Epoch, Seq: r.Seq}
	encoder := newEncoder(f)
	expected := expectation{line: encoder.append(nil, &r)}
	for i := range min(len(b), len(expected.line)) {
		if !expected.matches(i, b[i]) {
			break
		}
		d.Matching++
	}
	return d
}
