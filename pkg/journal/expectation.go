package journal

import "bytes"

// expectation is a line as it should be, except for its time and its checksum.
type expectation struct {
	point Point
	line  []byte
}

// matches reports whether byte i of a line is as expected.
func (e *expectation) matches(i int, b byte) bool {
	if i >= len(e.line)-checksumSuffixLen && i < len(e.line)-1 {
		return isDigit(b) || b >= 'a' && b <= 'f'
	}
	if i < len(timeLayout) && isDigit(timeLayout[i]) {
		return isDigit(b)
	}
	return b == e.line[i]
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// damageCounter examines a damaged range, one piece after the other.
type damageCounter struct {
	Damage
	expected    *expectation
	prefixLen   int  // number of bytes at the start that are as expected
	prefixEnded bool // a byte was not as expected
	wholeLine   bool // the whole line is as expected: its time or its checksum must be wrong
	otherBytes  bool // bytes other than zeros and newlines follow the prefix
	notBlank    bool // there are bytes other than newlines
}

func (d *damageCounter) add(b []byte) {
	d.Length += int64(len(b))
	d.Zeros += int64(bytes.Count(b, []byte{0}))
	for _, c := range b {
		if d.otherBytes {
			return
		}
		d.addByte(c)
	}
}

func (d *damageCounter) addByte(c byte) {
	newline := len(d.expected.line) - 1
	if !d.prefixEnded && d.prefixLen < newline && d.expected.matches(d.prefixLen, c) {
		d.prefixLen++
		d.notBlank = true
		return
	}
	if !d.prefixEnded && d.prefixLen == newline && c == '\n' {
		d.wholeLine = true
	}
	d.prefixEnded = true
	d.notBlank = d.notBlank || c != '\n'
	d.otherBytes = c != '\n' && c != 0
}

// damage returns the damage after all bytes were added.
func (d *damageCounter) damage() Damage {
	if d.prefixLen > 0 && !d.otherBytes && !d.wholeLine {
		d.Partial = &d.expected.point
	}
	d.Blank = !d.notBlank
	return d.Damage
}
