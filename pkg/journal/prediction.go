package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// headAt is where a record's head begins, headLen its length: what stands
// between the time and the payload.
const (
	headAt  = idAt - 1
	headLen = payloadAt - headAt
)

// Digits are counted and compared eight at a time, as a big-endian word: its
// lowest byte is the last digit.
const wordDigits = 8

// prediction is the record that comes next in a healthy journal. All of it but
// its time and its payload is known before it is read, so that a record costs
// the scanner one comparison and one checksum. Whatever is not as predicted
// goes the general way; it must come to the same.
type prediction struct {
	// most is how many records may be taken as predicted; with 0 there is no prediction.
	most uint64
	size int
	// step is the size in decimal, one digit a byte.
	step uint64
	head [headLen]byte
}

// predict says what follows a record, up to most records on. There is no
// prediction where the next numbers do not fit into their fields.
func (f Format) predict(r Record, most uint64) prediction {
	p := prediction{most: most, size: f.Size, step: decimalWord(f.Size)}
	next := Record{Epoch: r.Epoch, Seq: r.Seq + 1, Offset: r.Offset + int64(f.Size), Prev: r.Sum}
	if head := f.appendHead(p.head[:0], &next); len(head) != headLen {
		return prediction{}
	}
	return p
}

// follow returns how many records at the beginning of b are as predicted, and
// predicts the one after them.
func (p *prediction) follow(b []byte) (n uint64) {
	for n < p.most && len(b) >= p.size && p.matches(b[:p.size]) {
		n++
		if !p.next(b[:p.size]) {
			p.most = n
			break
		}
		b = b[p.size:]
	}
	p.most -= n
	return n
}

// matches says whether a line is the predicted record, intact.
func (p *prediction) matches(line []byte) bool {
	covered, tail := line[:len(line)-sumTail], line[len(line)-sumTail:]
	return bytes.Equal(line[headAt:payloadAt], p.head[:]) &&
		string(covered[len(covered)-len(sumMark):]) == sumMark &&
		tail[sumDigits] == '\n' &&
		binary.BigEndian.Uint64(tail) == sumWord(crc32.Checksum(covered, castagnoli))
}

// next counts on to the record after a line. It returns false where a number
// does not fit into its field any more.
func (p *prediction) next(line []byte) bool {
	copy(p.head[prevAt-headAt:][:sumDigits], line[len(line)-sumTail:])
	return countOn(p.head[seqAt-headAt:][:seqDigits], 1) && countOn(p.head[offsetAt-headAt:][:offsetDigits], p.step)
}

// countOn adds a decimal word to a field of decimal digits, at least eight of
// them. It returns false where the sum does not fit.
func countOn(field []byte, by uint64) bool {
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

// addDecimal adds a decimal word to eight ASCII digits. Raised by 6 to the top of
// its byte, a digit that goes beyond 9 carries into the next byte by itself.
func addDecimal(digits, by uint64) (sum uint64, carry bool) {
	const each = 0x0101010101010101
	raised, out := bits.Add64(digits+(0xf6-'0')*each, by, 0)
	uncarried := raised >> 4 & (0x6 * each) // 6 where a byte did not carry and keeps what raised it
	return raised&(0xf*each) - uncarried + '0'*each, out == 1
}

// decimalWord is a number of up to eight decimal digits, one a byte.
func decimalWord(n int) (word uint64) {
	for shift := 0; n > 0; shift += 8 {
		word |= uint64(n%10) << shift
		n /= 10
	}
	return word
}
