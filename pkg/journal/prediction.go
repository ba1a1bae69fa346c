package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// headAt and headLen are the position and the length of a record's head: the fields between
// its time and its payload.
const (
	headAt  = idAt - 1
	headLen = payloadAt - headAt
)

// wordDigits is the number of digits that are parsed, added and compared at once, as a word. In a big-endian word, the
// lowest byte is the last digit.
const wordDigits = 8

// prediction is the next record of an intact journal. All of it except its time and its
// checksum is known before it is read, so the scanner needs only one comparison and one
// checksum for it. The payload is not compared, because the checksum covers it. A line that
// is not as predicted is parsed. The predicted path and the parsed path must produce the
// same report.
type prediction struct {
	// limit is the number of records that may be accepted as predicted; 0 means that there is no prediction.
	limit uint64
	size  int
	// sizeDigits is the size in decimal, one digit per byte.
	sizeDigits uint64
	head       [headLen]byte
}

// predict predicts up to limit records after r. There is no prediction if the next numbers
// do not fit into their fields.
func (f Format) predict(r Record, limit uint64) prediction {
	p := prediction{limit: limit, size: f.RecordSize, sizeDigits: decimalWord(f.RecordSize)}
	next := Record{Epoch: r.Epoch, Seq: r.Seq + 1, Offset: r.Offset + int64(f.RecordSize), PrevChecksum: r.Checksum}
	if head := f.appendHead(p.head[:0], &next); len(head) != headLen {
		return prediction{}
	}
	return p
}

// consume returns how many records at the start of b are as predicted, and predicts the one
// after them.
func (p *prediction) consume(b []byte) (n uint64) {
	for n < p.limit && len(b) >= p.size && p.matches(b[:p.size]) {
		n++
		if !p.advance(b[:p.size]) {
			p.limit = n
			break
		}
		b = b[p.size:]
	}
	p.limit -= n
	return n
}

// matches reports whether a line is the predicted record, and intact.
func (p *prediction) matches(line []byte) bool {
	covered, tail := line[:len(line)-checksumSuffixLen], line[len(line)-checksumSuffixLen:]
	return bytes.Equal(line[headAt:payloadAt], p.head[:]) &&
		string(covered[len(covered)-len(checksumPrefix):]) == checksumPrefix &&
		tail[checksumDigits] == '\n' &&
		binary.BigEndian.Uint64(tail) == checksumWord(crc32.Checksum(covered, castagnoli))
}

// advance predicts the record after a line. It returns false if a number does not fit into
// its field.
func (p *prediction) advance(line []byte) bool {
	copy(p.head[prevAt-headAt:][:checksumDigits], line[len(line)-checksumSuffixLen:])
	return addToField(p.head[seqAt-headAt:][:seqDigits], 1) &&
		addToField(p.head[offsetAt-headAt:][:offsetDigits], p.sizeDigits)
}

// addToField adds a decimal word to a field of at least eight decimal digits. It returns
// false if the checksum does not fit.
func addToField(field []byte, by uint64) bool {
	low := field[len(field)-wordDigits:]
	sum, carry := addDecimal(binary.BigEndian.Uint64(low), by)
	binary.BigEndian.PutUint64(low, sum)
	for i := len(field) - wordDigits - 1; carry && i >= 0; i-- {
		carry = field[i] == '9'
		if carry {
			field[i] = '0'
		} else {
			field[i]++
		}
	}
	return !carry
}

// addDecimal adds a decimal word to eight ASCII digits. Each digit is raised so that a digit
// above 9 carries into the next byte.
func addDecimal(digits, by uint64) (sum uint64, carry bool) {
	const everyByte = 0x0101010101010101
	raised, out := bits.Add64(digits+(0xf6-'0')*everyByte, by, 0)
	uncarried := raised >> 4 & (0x6 * everyByte) // 6 in each byte that did not carry and is still raised
	return raised&(0xf*everyByte) - uncarried + '0'*everyByte, out == 1
}

// decimalWord returns a number of up to eight decimal digits, one digit per byte.
func decimalWord(n int) (word uint64) {
	for shift := 0; n > 0; shift += 8 {
		word |= uint64(n%10) << shift
		n /= 10
	}
	return word
}
