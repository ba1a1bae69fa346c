// Package journal has the format of records, and writes and scans the append-only file of
// records on the volume under test. A Writer appends records in commits. Scan reads the
// whole journal, checks each record, and reports what it found. The objects of write
// patterns have the same records.
//
// The package does not depend on Kubernetes, the ledger or verdicts. It reports the
// content of a file, and does not compare it with acknowledgements.
package journal

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"time"
)

// A record is one line of printable ASCII with every field at a fixed position. A person
// can cat the journal, and the scanner can predict the next line:
//
//	2026-11-24T12:46:47.123456789Z 8f3a5c7e9b1d2f40 e=00001 s=000000000042 o=00000000010752 p=9ab3c1d2 ... c=1a2b3c4d\n
//
//	time     UTC, RFC 3339 with nine digits
//	id       ID of the journal
//	e        epoch, decimal
//	s        sequence number within the epoch, decimal, from 1
//	o        offset in the file at which the writer expects the record to be
//	p        c of the previous record of the epoch; zero for the first
//	payload  printable filler, computed from id, epoch and sequence number
//	c        CRC-32C of everything before its digits
const (
	timeLayout   = "2006-01-02T15:04:05.000000000Z"
	secondLayout = "2006-01-02T15:04:05."

	idAt      = len(timeLayout) + 1
	epochAt   = idAt + idLen + 3
	seqAt     = epochAt + epochDigits + 3
	offsetAt  = seqAt + seqDigits + 3
	prevAt    = offsetAt + offsetDigits + 3
	payloadAt = prevAt + checksumDigits + 1

	nanosecondDigits = 9

	idLen          = 16
	epochDigits    = 5
	seqDigits      = 12
	offsetDigits   = 14
	checksumDigits = 8

	// checksumPrefix precedes the checksum's digits. The checksum covers it.
	checksumPrefix = " c="
	// checksumSuffixLen is the length of what the checksum does not cover: its digits and the newline.
	checksumSuffixLen = checksumDigits + 1
	trailerLen        = len(checksumPrefix) + checksumSuffixLen
)

// Limits of a record's size in bytes, including the newline. The minimum leaves space for
// the fields and some payload, the maximum limits the scanner's memory.
const (
	MinRecordSize = 128
	MaxRecordSize = 64 << 10
)

// MaxEpoch is the highest epoch that a record's field can hold.
const MaxEpoch = 99_999

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errForeign  = errors.New("intact record of another journal")
	errNoRecord = errors.New("not an intact record")
)

// Format is what the writers and scanners of a journal must agree on.
type Format struct {
	// ID identifies the journal: 16 lower-case hexadecimal digits, unique to one run and volume.
	ID string `json:"id"`
	// RecordSize is the length of every record in bytes, including the newline.
	RecordSize int `json:"recordSize"`
}

// Validate returns an error that joins all mistakes in the format.
func (f Format) Validate() error {
	var problems []error
	if _, err := hex.DecodeString(f.ID); err != nil || len(f.ID) != idLen {
		problems = append(problems, fmt.Errorf("journal id %q: want %d hexadecimal digits", f.ID, idLen))
	}
	if f.RecordSize < MinRecordSize || f.RecordSize > MaxRecordSize {
		problems = append(problems, fmt.Errorf(
			"record size %d: want %d to %d bytes", f.RecordSize, MinRecordSize, MaxRecordSize))
	}
	return errors.Join(problems...)
}

// Record holds the fields of a record except its payload.
type Record struct {
	Time   time.Time
	Epoch  int
	Seq    uint64
	Offset int64
	// PrevChecksum is the Checksum of the previous record of the epoch; zero for the first.
	PrevChecksum uint32
	// Checksum is the CRC-32C of the line. Through PrevChecksum it depends on every earlier record of
	// the epoch, so it is the digest of the epoch up to Seq.
	Checksum uint32
}

// encoder encodes records as lines.
type encoder struct {
	Format
	// seed is the journal's ID as a number, from which payloads are computed.
	seed     uint64
	times    timeEncoder
	prepared preparedPayloads
}

func newEncoder(f Format) encoder {
	seed, _ := strconv.ParseUint(f.ID, 16, 64)
	return encoder{Format: f, seed: seed}
}

// append appends the record's line to dst and sets the record's Checksum.
func (e *encoder) append(dst []byte, r *Record) []byte {
	start := len(dst)
	dst = e.times.append(dst, r.Time)
	dst = e.appendHead(dst, r)
	if payload, ok := e.prepared.next(e.payloadSize()); ok {
		dst = append(dst, payload...)
	} else {
		dst = appendPayload(dst, e.payloadSize(), e.seed, r.Epoch, r.Seq)
	}
	dst = append(dst, checksumPrefix...)
	r.Checksum = crc32.Checksum(dst[start:], castagnoli)
	dst = appendChecksum(dst, r.Checksum)
	return append(dst, '\n')
}

func (e *encoder) payloadSize() int { return e.RecordSize - payloadAt - trailerLen }

// appendHead appends the fields between the record's time and its payload.
func (f Format) appendHead(dst []byte, r *Record) []byte {
	dst = append(dst, ' ')
	dst = append(dst, f.ID...)
	dst = appendDecimal(append(dst, " e="...), uint64(r.Epoch), epochDigits)
	dst = appendDecimal(append(dst, " s="...), r.Seq, seqDigits)
	dst = appendDecimal(append(dst, " o="...), uint64(r.Offset), offsetDigits)
	dst = appendChecksum(append(dst, " p="...), r.PrevChecksum)
	return append(dst, ' ')
}

// parse parses the line of an intact record of this journal, including the newline, except
// for its time. If the record is intact but belongs to another journal, parse returns the record
// and errForeign. If the line is not an intact record, parse returns errNoRecord.
func (f Format) parse(line []byte) (r Record, err error) {
	if len(line) != f.RecordSize {
		return Record{}, errNoRecord
	}
	r.Checksum, err = f.check(line)
	if errors.Is(err, errNoRecord) {
		return Record{}, err
	}
	if err := parseFields(line, &r); err != nil {
		return Record{}, err
	}
	return r, err
}

// check returns the checksum of an intact record of any size. If the record belongs to another journal, it returns
// errForeign, too. If the line is not an intact record, it returns errNoRecord.
func (f Format) check(line []byte) (uint32, error) {
	if len(line) < MinRecordSize || !mayBeRecord(line) || line[len(line)-1] != '\n' {
		return 0, errNoRecord
	}
	covered, digits := line[:len(line)-checksumSuffixLen], line[len(line)-checksumSuffixLen:]
	sum := crc32.Checksum(covered, castagnoli)
	if string(covered[len(covered)-len(checksumPrefix):]) != checksumPrefix ||
		binary.BigEndian.Uint64(digits) != checksumWord(sum) {
		return 0, errNoRecord
	}
	if string(line[idAt:idAt+idLen]) != f.ID {
		return sum, errForeign
	}
	return sum, nil
}

// mayBeRecord reports whether a line of at least payloadAt bytes is worth computing its
// checksum.
func mayBeRecord(line []byte) bool {
	return line[idAt-1] == ' ' && line[epochAt-3] == ' ' && line[epochAt-2] == 'e' && line[epochAt-1] == '='
}

// timeEncoder encodes the times of records. It formats the date and the time of day once a
// second instead of once a record.
type timeEncoder struct {
	second    int64
	formatted []byte // the formatted second; empty before the first
}

func (e *timeEncoder) append(dst []byte, t time.Time) []byte {
	if second := t.Unix(); second != e.second || len(e.formatted) == 0 {
		e.second = second
		e.formatted = t.UTC().AppendFormat(e.formatted[:0], secondLayout)
	}
	dst = append(dst, e.formatted...)
	dst = appendDecimal(dst, uint64(t.Nanosecond()), nanosecondDigits)
	return append(dst, 'Z')
}

// EncodedTime returns the time in the line of an intact record, as encoded. Encoded times sort like times.
func EncodedTime(line []byte) []byte { return line[:len(timeLayout)] }

// ParseTime parses the time of a record, as encoded.
func ParseTime(encoded []byte) (time.Time, error) { return time.Parse(timeLayout, string(encoded)) }

// parseTime parses the time in the line of an intact record.
func parseTime(line []byte) (time.Time, error) { return ParseTime(EncodedTime(line)) }

// parsePredicted parses a line that is as predicted, and therefore intact.
func parsePredicted(line []byte) (r Record) {
	r.Checksum, _ = parseChecksum(line[len(line)-checksumSuffixLen:])
	_ = parseFields(line, &r)
	return r
}

// parseFields parses the fields between the time and the payload.
func parseFields(line []byte, r *Record) error {
	point, err := parsePoint(line)
	offset, bad := parseDecimal(line[:offsetAt+offsetDigits], offsetDigits)
	prev, ok := parseChecksum(line[prevAt:])
	if err != nil || bad != 0 || !ok {
		return errNoRecord
	}
	r.Epoch, r.Seq, r.Offset, r.PrevChecksum = point.Epoch, point.Seq, int64(offset), prev
	return nil
}

// parsePoint parses the epoch and the sequence number.
func parsePoint(line []byte) (Point, error) {
	epoch, badEpoch := parseDigits(line[:epochAt+epochDigits], epochDigits)
	seq, badSeq := parseDecimal(line[:seqAt+seqDigits], seqDigits)
	if badEpoch|badSeq != 0 || epoch == 0 || seq == 0 {
		return Point{}, errNoRecord
	}
	return Point{Epoch: int(epoch), Seq: seq}, nil
}

// appendDecimal appends v with leading zeros, at least width digits.
func appendDecimal(dst []byte, v uint64, width int) []byte {
	const zeros = "00000000000000"
	start := len(dst)
	dst = append(dst, zeros[:width]...)
	rest := v
	for i := len(dst) - 1; i >= start && rest > 0; i-- {
		dst[i] = byte('0' + rest%10)
		rest /= 10
	}
	if rest > 0 {
		return strconv.AppendUint(dst[:start], v, 10)
	}
	return dst
}

// parseDecimal parses the last 9 to 16 digits of b. If one of them is not a digit, bad is not 0.
func parseDecimal(b []byte, digits int) (v, bad uint64) {
	high, badHigh := parseDigits(b[:len(b)-wordDigits], digits-wordDigits)
	low, badLow := parseDigits(b, wordDigits)
	return high*1e8 + low, badHigh | badLow
}

// parseDigits parses the last 1 to 8 digits of b, which has at least 8 bytes. If one of them is not a digit, bad is not
// 0. It adds pairs of digits, then pairs of the sums, and so on.
func parseDigits(b []byte, digits int) (v, bad uint64) {
	const everyByte = 0x0101010101010101
	others := 8 * (wordDigits - digits) // bits of the bytes before the digits
	v = binary.LittleEndian.Uint64(b[len(b)-wordDigits:])>>others<<others - '0'*everyByte>>others<<others
	bad = (v | (v + 6*everyByte)) & (0xf0 * everyByte)
	v = v * (10<<8 + 1) >> 8 & 0x00ff00ff00ff00ff
	v = v * (100<<16 + 1) >> 16 & 0x0000ffff0000ffff
	v = v * (10000<<32 + 1) >> 32
	return v, bad
}

func appendChecksum(dst []byte, sum uint32) []byte {
	return binary.BigEndian.AppendUint64(dst, checksumWord(sum))
}

// checksumWord returns the eight hexadecimal digits of a checksum as a big-endian word.
func checksumWord(sum uint32) uint64 {
	const everyByte = 0x0101010101010101
	x := uint64(sum)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 6*everyByte) >> 4 & everyByte
	return x + '0'*everyByte + letters*('a'-'9'-1)
}

// parseChecksum parses the eight lower-case hexadecimal digits at the start of b.
func parseChecksum(b []byte) (sum uint32, ok bool) {
	const everyByte = 0x0101010101010101
	word := binary.BigEndian.Uint64(b)
	letters := word >> 6 & everyByte
	x := word&(0xf*everyByte) + 9*letters
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	sum = uint32(x | x>>16)
	return sum, checksumWord(sum) == word
}

// appendPayload appends n printable characters that depend only on the journal, the epoch
// and the sequence number. They are the numbers of SplitMix64 (Steele, Lea and Flood, 2014),
// six bits per character, ten characters per number.
func appendPayload(dst []byte, n int, seed uint64, epoch int, seq uint64) []byte {
	const charsPerNumber = 10
	end := len(dst) + n
	dst = slices.Grow(dst, n+charsPerNumber)
	state := seed ^ uint64(epoch)<<40 ^ seq
	for len(dst) < end {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		dst = dst[:len(dst)+charsPerNumber]
		encodeNumber((*[charsPerNumber]byte)(dst[len(dst)-charsPerNumber:]), z)
	}
	return dst[:end]
}

// encodeNumber encodes the low sixty bits of z. Looking up two characters at once is about 1.5 times as fast as
// looking up each of them.
func encodeNumber(dst *[10]byte, z uint64) {
	const mask = uint64(len(pairs)) - 1
	binary.LittleEndian.PutUint64(dst[:8], uint64(pairs[z&mask])|uint64(pairs[z>>12&mask])<<16|
		uint64(pairs[z>>24&mask])<<32|uint64(pairs[z>>36&mask])<<48)
	binary.LittleEndian.PutUint16(dst[8:], pairs[z>>48&mask])
}

// pairs are the two characters for each number of twelve bits. The low byte is the character for the low six bits.
var pairs = newPairs()

func newPairs() (all [64 * 64]uint16) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range all {
		all[i] = uint16(alphabet[i%64]) | uint16(alphabet[i/64])<<8
	}
	return all
}
