// Package journal is the append-only file of records on the volume under test:
// how a record is written, how commits are grouped and made durable, and how a
// journal is read back.
//
// It knows nothing of Kubernetes, of acknowledgements kept elsewhere, or of
// verdicts: it says what the bytes are, never whether they are what they
// should be.
package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"time"
)

// A record is one line of printable ASCII, every field at a fixed place, so
// that a person can cat the journal and the scanner can predict the next line:
//
//	2026-11-24T12:46:47.123456789Z 8f3a5c7e9b1d2f40 e=00001 s=000000000042 o=00000000010752 p=9ab3c1d2 <payload> c=1a2b3c4d\n
//
//	time     UTC, RFC 3339 with nine digits
//	id       the journal's identity
//	e        epoch, decimal
//	s        sequence number within the epoch, decimal, from 1
//	o        offset in the file at which the writer put the record, by its own count
//	p        c of the record before it in the epoch; zero for the first
//	payload  printable filler that can be made anew from id, epoch and sequence number
//	c        CRC-32C of everything before its digits
const (
	timeLayout   = "2006-01-02T15:04:05.000000000Z"
	secondLayout = "2006-01-02T15:04:05."

	idAt      = len(timeLayout) + 1
	epochAt   = idAt + idLen + 3
	seqAt     = epochAt + epochDigits + 3
	offsetAt  = seqAt + seqDigits + 3
	prevAt    = offsetAt + offsetDigits + 3
	payloadAt = prevAt + sumDigits + 1

	nanosecondDigits = 9

	idLen        = 16
	epochDigits  = 5
	seqDigits    = 12
	offsetDigits = 14
	sumDigits    = 8

	// sumTail is what follows the bytes that the checksum covers: its digits and the newline.
	sumTail = sumDigits + 1
	// sumMark is what stands before the checksum's digits, the last that it covers.
	sumMark = " c="
	trailer = len(sumMark) + sumTail
)

// Bounds of a record's size in bytes, newline included. The lower bound leaves
// room for the fields and some payload; the upper one bounds the scanner's memory.
const (
	MinRecordSize = 128
	MaxRecordSize = 64 << 10
)

// MaxEpoch is the highest epoch that a record's field can hold.
const MaxEpoch = 99_999

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errForeign says that a line is an intact record of another journal.
var errForeign = errors.New("intact record of another journal")

var errNotARecord = errors.New("not an intact record")

// Format is what a writer and a scanner of one journal must agree on.
type Format struct {
	// ID names the journal: 16 lower-case hexadecimal digits, unique to one run and volume.
	ID string `json:"id"`
	// Size is the length of every record in bytes, newline included.
	Size int `json:"recordSize"`
}

// Validate says what is wrong with the format, if anything.
func (f Format) Validate() error {
	var problems []error
	if _, err := hex.DecodeString(f.ID); err != nil || len(f.ID) != idLen {
		problems = append(problems, fmt.Errorf("journal id %q: want %d hexadecimal digits", f.ID, idLen))
	}
	if f.Size < MinRecordSize || f.Size > MaxRecordSize {
		problems = append(problems, fmt.Errorf("record size %d: want %d to %d bytes", f.Size, MinRecordSize, MaxRecordSize))
	}
	return errors.Join(problems...)
}

// Record is what a line says beside its payload.
type Record struct {
	Time   time.Time
	Epoch  int
	Seq    uint64
	Offset int64
	// Prev is the Sum of the record before it in its epoch; zero for the first.
	Prev uint32
	// Sum is the CRC-32C of the line. Through Prev it depends on every earlier
	// record of the epoch, so it serves as the digest of the epoch up to Seq.
	Sum uint32
}

// composer makes the lines of records.
type composer struct {
	Format
	// seed is the journal's identity as the payload depends on it.
	seed  uint64
	stamp stamp
}

func newComposer(f Format) composer {
	seed, _ := strconv.ParseUint(f.ID, 16, 64)
	return composer{Format: f, seed: seed}
}

// append adds the record's line to dst and sets the record's Sum.
func (f *composer) append(dst []byte, r *Record) []byte {
	start := len(dst)
	dst = f.stamp.append(dst, r.Time)
	dst = f.appendHead(dst, r)
	dst = appendPayload(dst, f.Size-payloadAt-trailer, f.seed, r.Epoch, r.Seq)
	dst = append(dst, sumMark...)
	r.Sum = crc32.Checksum(dst[start:], castagnoli)
	dst = appendSum(dst, r.Sum)
	return append(dst, '\n')
}

// appendHead adds what stands between the record's time and its payload.
func (f Format) appendHead(dst []byte, r *Record) []byte {
	dst = append(dst, ' ')
	dst = append(dst, f.ID...)
	dst = appendDecimal(append(dst, " e="...), uint64(r.Epoch), epochDigits)
	dst = appendDecimal(append(dst, " s="...), r.Seq, seqDigits)
	dst = appendDecimal(append(dst, " o="...), uint64(r.Offset), offsetDigits)
	dst = appendSum(append(dst, " p="...), r.Prev)
	return append(dst, ' ')
}

// parse reads the line of an intact record of this journal, all but its time.
// It returns errForeign with the record for an intact one of another journal,
// and another error for anything else. The line includes its newline.
func (f Format) parse(line []byte) (Record, error) {
	if len(line) != f.Size || len(line) < MinRecordSize || !looksLikeRecord(line) {
		return Record{}, errNotARecord
	}
	r, err := parseAny(line)
	if err != nil {
		return Record{}, err
	}
	if string(line[idAt:idAt+idLen]) != f.ID {
		return r, errForeign
	}
	return r, nil
}

// looksLikeRecord is a cheap look at a line of at least payloadAt bytes, before
// its checksum is worth computing.
func looksLikeRecord(line []byte) bool {
	return line[idAt-1] == ' ' && line[epochAt-3] == ' ' && line[epochAt-2] == 'e' && line[epochAt-1] == '='
}

// parseAny reads the line of an intact record of any journal, at least MinRecordSize bytes.
func parseAny(line []byte) (Record, error) {
	if line[len(line)-1] != '\n' {
		return Record{}, errNotARecord
	}
	covered := line[:len(line)-sumTail]
	sum, ok := parseSum(line[len(line)-sumTail:])
	if !ok || !bytes.HasSuffix(covered, []byte(sumMark)) || crc32.Checksum(covered, castagnoli) != sum {
		return Record{}, errNotARecord
	}
	return parseFields(line, sum)
}

// stamp writes times as a record holds them. It formats the date and the time of
// day once a second, not once a record.
type stamp struct {
	second int64
	text   []byte // of that second; empty before the first
}

func (s *stamp) append(dst []byte, t time.Time) []byte {
	if second := t.Unix(); second != s.second || len(s.text) == 0 {
		s.second = second
		s.text = t.UTC().AppendFormat(s.text[:0], secondLayout)
	}
	dst = append(dst, s.text...)
	dst = appendDecimal(dst, uint64(t.Nanosecond()), nanosecondDigits)
	return append(dst, 'Z')
}

// parseTime reads the time of an intact record's line.
func parseTime(line []byte) (time.Time, error) {
	return time.Parse(timeLayout, string(line[:len(timeLayout)]))
}

// parsePredicted reads a line that was found as predicted, and therefore intact.
func parsePredicted(line []byte) Record {
	sum, _ := parseSum(line[len(line)-sumTail:])
	r, _ := parseFields(line, sum)
	return r
}

func parseFields(line []byte, sum uint32) (Record, error) {
	epoch, okEpoch := parseDecimal(line[epochAt : epochAt+epochDigits])
	seq, okSeq := parseDecimal(line[seqAt : seqAt+seqDigits])
	offset, okOffset := parseDecimal(line[offsetAt : offsetAt+offsetDigits])
	prev, okPrev := parseSum(line[prevAt:])
	if !okEpoch || !okSeq || !okOffset || !okPrev || seq == 0 || epoch == 0 {
		return Record{}, errNotARecord
	}
	return Record{Epoch: int(epoch), Seq: seq, Offset: int64(offset), Prev: prev, Sum: sum}, nil
}

// appendDecimal adds v with zeros before it, up to width digits; a number that
// has more digits keeps them.
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

func parseDecimal(digits []byte) (uint64, bool) {
	var v uint64
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		v = v*10 + uint64(d-'0')
	}
	return v, true
}

func appendSum(dst []byte, sum uint32) []byte {
	return binary.BigEndian.AppendUint64(dst, sumWord(sum))
}

// sumWord is a sum's eight hexadecimal digits, as a big-endian word.
func sumWord(sum uint32) uint64 {
	const each = 0x0101010101010101
	x := uint64(sum)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 6*each) >> 4 & each
	return x + '0'*each + letters*('a'-'9'-1)
}

func parseSum(digits []byte) (uint32, bool) {
	var v uint32
	for _, d := range digits[:sumDigits] {
		switch {
		case d >= '0' && d <= '9':
			v = v<<4 | uint32(d-'0')
		case d >= 'a' && d <= 'f':
			v = v<<4 | uint32(d-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// appendPayload adds n printable characters that depend on the journal, the
// epoch and the sequence number only: SplitMix64 (Steele, Lea and Flood, 2014),
// six bits to a character, ten characters to a number.
func appendPayload(dst []byte, n int, seed uint64, epoch int, seq uint64) []byte {
	const eachStep = 10
	end := len(dst) + n
	dst = slices.Grow(dst, n+eachStep)
	state := seed ^ uint64(epoch)<<40 ^ seq
	for len(dst) < end {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		dst = dst[:len(dst)+eachStep]
		putCharacters((*[eachStep]byte)(dst[len(dst)-eachStep:]), z)
	}
	return dst[:end]
}

// putCharacters turns the low sixty bits of z into characters. Written as a loop,
// a record of 4 KiB took 1.4 times as long.
func putCharacters(dst *[10]byte, z uint64) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	dst[0] = alphabet[z&63]
	dst[1] = alphabet[z>>6&63]
	dst[2] = alphabet[z>>12&63]
	dst[3] = alphabet[z>>18&63]
	dst[4] = alphabet[z>>24&63]
	dst[5] = alphabet[z>>30&63]
	dst[6] = alphabet[z>>36&63]
	dst[7] = alphabet[z>>42&63]
	dst[8] = alphabet[z>>48&63]
	dst[9] = alphabet[z>>54&63]
}
