package journal

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scanUnpredicted scans without predictions, as the reference.
func scanUnpredicted(t *testing.T, r io.Reader, format Format, points []Point) ScanReport {
	t.Helper()
	s := newScanner(r, format, points)
	for more := true; more; {
		s.next = prediction{}
		var err error
		more, err = s.step()
		require.NoError(t, err)
	}
	s.report.Bytes = s.in.offset
	return s.report
}

func TestScan_PredictionDoesNotChangeTheReport(t *testing.T) {
	first := uint64(time.Now().UnixNano())
	for seed := first; seed < first+150; seed++ {
		random := rand.New(rand.NewPCG(seed, 2))
		format := Format{ID: testFormat.ID, RecordSize: MinRecordSize + random.IntN(200)}
		content := randomJournal(t, random, format)
		points := randomPoints(random)
		want := scanUnpredicted(t, bytes.NewReader(content), format, points)
		for name, r := range map[string]io.Reader{
			"at once":      bytes.NewReader(content),
			"by halves":    iotest.HalfReader(bytes.NewReader(content)),
			"byte by byte": iotest.OneByteReader(bytes.NewReader(content)),
		} {
			got, err := Scan(r, format, points)
			require.NoError(t, err)
			require.Equal(t, want, got, "seed %d, read %s, points %v", seed, name, points)
		}
	}
}

// randomJournal returns a journal of one or two concurrent writers, with random damage.
func randomJournal(t *testing.T, random *rand.Rand, format Format) []byte {
	t.Helper()
	var file memoryFile
	writers := []*Writer{randomWriter(t, random, &file, format, 1)}
	for range random.IntN(12) {
		if random.IntN(8) == 0 {
			writers = append(writers, randomWriter(t, random, &file, format, 1+random.IntN(4)))
		}
		last := len(writers) - 1
		_, err := writers[max(0, last-random.IntN(2))].Commit(1+random.IntN(20), clock())
		require.NoError(t, err)
	}
	content := file.Bytes()
	for range random.IntN(4) {
		content = randomDamage(random, format, content)
	}
	return content
}

// randomWriter returns a writer that often starts shortly before a number gets another
// digit, and sometimes at a wrong offset.
func randomWriter(t *testing.T, random *rand.Rand, file *memoryFile, format Format, epoch int) *Writer {
	t.Helper()
	length := int64(file.Len())
	if random.IntN(4) == 0 {
		length = 100_000_000 - int64(random.IntN(20*format.RecordSize))
	}
	w, err := NewWriter(file, format, epoch, length, random.IntN(2) == 0)
	require.NoError(t, err)
	switch random.IntN(4) {
	case 0:
		w.encoder.last.Seq = 99_999_999 - uint64(random.IntN(30))
	case 1:
		w.encoder.last.Seq = 999_999_999_999 - uint64(random.IntN(30))
	}
	return w
}

func lineOf(format Format, r Record) []byte {
	encoder := newEncoder(format)
	return encoder.append(nil, &r)
}

func randomPoints(random *rand.Rand) []Point {
	var points []Point
	for range random.IntN(6) {
		points = append(points, Point{1 + random.IntN(3), 1 + random.Uint64N(40)})
	}
	return points
}

func randomDamage(random *rand.Rand, format Format, content []byte) []byte {
	if len(content) == 0 {
		return content
	}
	from := random.IntN(len(content))
	to := from + random.IntN(min(20*format.RecordSize, len(content)-from)+1)
	if random.IntN(2) == 0 { // align to records
		from, to = from/format.RecordSize*format.RecordSize, to/format.RecordSize*format.RecordSize
		to = max(from, to)
	}
	switch random.IntN(6) {
	case 0:
		clear(content[from:to])
	case 1:
		content[from] ^= 1 << random.IntN(8)
	case 2:
		content = slices.Delete(content, from, to)
	case 3:
		content = content[:from]
	case 4:
		content = slices.Insert(content, random.IntN(len(content)), bytes.Clone(content[from:to])...)
	case 5:
		another := Format{ID: "fedcba9876543210", RecordSize: format.RecordSize}
		r := Record{Epoch: 1, Seq: 1 + random.Uint64N(40), Offset: int64(from)}
		content = slices.Insert(content, from, lineOf(another, r)...)
	}
	return content
}

// The checksum covers the time and the payload. All other bytes must be compared even if the
// checksum is correct.
func TestPrediction_MatchesComparesEveryByte(t *testing.T) {
	content := journalOf(t, 2)
	r, err := testFormat.parse(content[:256])
	require.NoError(t, err)
	for i := range 256 {
		line := bytes.Clone(content[256:])
		p := testFormat.predict(r, 1)
		require.True(t, p.matches(line))
		line[i] ^= 4
		require.False(t, p.matches(line), "byte %d", i)
		inMark := i >= 256-trailerLen && i < 256-checksumSuffixLen
		if i >= headAt && i < payloadAt || inMark {
			repairChecksum(line)
			require.False(t, p.matches(line), "byte %d, with a correct checksum", i)
		}
	}
}

// repairChecksum sets the correct checksum of a line.
func repairChecksum(line []byte) {
	covered := line[:len(line)-checksumSuffixLen]
	appendChecksum(covered, crc32.Checksum(covered, castagnoli))
}

func TestPrediction_EndsBeforeARequestedPoint(t *testing.T) {
	content := journalOf(t, 10)
	r, err := testFormat.parse(content[:256])
	require.NoError(t, err)
	p := testFormat.predict(r, 3)
	assert.Equal(t, uint64(3), p.consume(content[256:]))
	assert.Zero(t, p.consume(content[4*256:]))
}

func TestPrediction_EndsAtTheHighestSequenceNumber(t *testing.T) {
	const highest = 999_999_999_999
	r := Record{Epoch: 1, Seq: highest, PrevChecksum: 7}
	line := lineOf(testFormat, r)
	p := testFormat.predict(Record{Epoch: 1, Seq: highest - 1, Offset: -256, Checksum: 7}, 5)
	assert.Equal(t, uint64(1), p.consume(line))
	assert.Zero(t, p.limit)
	assert.Equal(t, prediction{}, testFormat.predict(r, 5))
}

func TestScan_PredictionDoesNotChangeAnIncompleteReport(t *testing.T) {
	var content []byte
	whole := journalOf(t, 4*maxListed)
	for i := 0; i+3 <= 4*maxListed; i += 3 {
		content = append(content, whole[i*256:(i+2)*256]...)
	}
	want := scanUnpredicted(t, bytes.NewReader(content), testFormat, nil)
	assert.NotZero(t, want.Unlisted)
	assert.Equal(t, want, scan(t, content))
}

func TestAddToField(t *testing.T) {
	for _, c := range []struct {
		from uint64
		by   int
	}{
		{0, 1}, {9, 1}, {99_999_998, 1}, {99_999_999, 1}, {899_999_999, 1}, {999_999_999_998, 1},
		{0, MaxRecordSize}, {99_934_464, MaxRecordSize}, {123_456_789_012, 98_765},
	} {
		field := fmt.Appendf(nil, "%012d", c.from)
		assert.True(t, addToField(field, decimalWord(c.by)))
		assert.Equal(t, fmt.Sprintf("%012d", c.from+uint64(c.by)), string(field), "%d + %d", c.from, c.by)
	}
	assert.False(t, addToField([]byte("999999999999"), decimalWord(1)), "does not fit")
	field := []byte("000000000000")
	for n := range 100_000 {
		require.Equal(t, fmt.Sprintf("%012d", n*997), string(field))
		require.True(t, addToField(field, decimalWord(997)))
	}
}

func TestAppendSum_WritesWhatParseSumReads(t *testing.T) {
	for _, sum := range []uint32{0, 1, 0x9abcdef0, 0xffffffff, 0xa0f9090a} {
		digits := appendChecksum(nil, sum)
		assert.Equal(t, fmt.Sprintf("%08x", sum), string(digits))
		parsed, ok := parseChecksum(digits)
		assert.True(t, ok)
		assert.Equal(t, sum, parsed)
	}
}
