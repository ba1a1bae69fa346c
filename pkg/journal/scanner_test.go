package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var testFormat = Format{ID: "0123456789abcdef", RecordSize: 256}

// memoryFile is a file in memory.
type memoryFile struct{ bytes.Buffer }

func (*memoryFile) Datasync() error { return nil }

func clock() func() time.Time {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}
}

// appendEpoch appends n records of an epoch.
func appendEpoch(t *testing.T, file *memoryFile, format Format, epoch, n int) Record {
	t.Helper()
	unterminated := file.Len() > 0 && file.Bytes()[file.Len()-1] != '\n'
	w, err := NewWriter(file, format, epoch, int64(file.Len()), unterminated)
	require.NoError(t, err)
	last, err := w.Commit(n, clock())
	require.NoError(t, err)
	return last
}

func journalOf(t *testing.T, counts ...int) []byte {
	t.Helper()
	var file memoryFile
	for i, n := range counts {
		appendEpoch(t, &file, testFormat, i+1, n)
	}
	return file.Bytes()
}

func scan(t *testing.T, content []byte, points ...Point) ScanReport {
	t.Helper()
	report, err := Scan(bytes.NewReader(content), testFormat, points)
	require.NoError(t, err)
	requireEveryByteAccounted(t, report)
	return report
}

func requireEveryByteAccounted(t *testing.T, r ScanReport) {
	t.Helper()
	if r.Unlisted > 0 {
		return
	}
	total := int64(r.Records) * int64(r.RecordSize)
	for _, d := range r.Damage {
		total += d.Length
	}
	for _, f := range r.Foreign {
		total += f.End - f.Offset
	}
	require.Equal(t, r.Bytes, total, "bytes of records, damage and foreign records")
}

func TestWriter_WritesPrintableLinesThatStartWithTheDate(t *testing.T) {
	content := journalOf(t, 3)
	lines := strings.SplitAfter(string(content), "\n")
	require.Len(t, lines, 4)
	assert.Len(t, lines[0], 256)
	const head = "2026-11-24T12:00:00.001000000Z 0123456789abcdef e=00001 s=000000000001 o=00000000000000 p=00000000 "
	assert.True(t, strings.HasPrefix(lines[0], head), lines[0])
	assert.Equal(t, "p="+lines[0][len(lines[0])-9:len(lines[0])-1], lines[1][prevAt-2:prevAt+8],
		"the second record has the checksum of the first one")
	for _, c := range []byte(lines[2][:255]) {
		require.True(t, c >= ' ' && c <= '~', "byte %#x is not printable", c)
	}
}

func TestScan_IntactJournal(t *testing.T) {
	var file memoryFile
	appendEpoch(t, &file, testFormat, 1, 1000)
	last := appendEpoch(t, &file, testFormat, 2, 500)
	report := scan(t, file.Bytes(), Point{2, 500}, Point{2, 501})
	assert.Equal(t, []Segment{
		{Epoch: 1, First: 1, Last: 1000, Offset: 0, End: 256_000, lastChecksum: report.Segments[0].lastChecksum},
		{Epoch: 2, First: 1, Last: 500, Offset: 256_000, End: 384_000, lastChecksum: last.Checksum},
	}, report.Segments)
	assert.Equal(t, []Digest{{Point{2, 500}, last.Checksum}}, report.Digests)
	assert.Empty(t, report.Damage)
	assert.False(t, report.Unterminated)
	assert.Equal(t, "2026-11-24T12:00:00.001Z", report.FirstTime.Format(time.RFC3339Nano))
	assert.Equal(t, "2026-11-24T12:00:00.5Z", report.LastTime.Format(time.RFC3339Nano))
}

// Journals are kept, so the bytes of the format must never change.
func TestWriter_BytesOfARecord(t *testing.T) {
	times := []string{"2026-11-24T12:46:47.123456789Z", "2026-11-24T12:46:48Z", "1970-01-01T00:00:00.000000001Z"}
	var file memoryFile
	w, err := NewWriter(&file, Format{ID: "8f3a5c7e9b1d2f40", RecordSize: MinRecordSize}, 3, 0, false)
	require.NoError(t, err)
	for _, at := range times {
		_, err := w.Commit(1, func() time.Time {
			at, err := time.Parse(time.RFC3339, at)
			require.NoError(t, err)
			return at.In(time.FixedZone("", 3600))
		})
		require.NoError(t, err)
	}
	assert.Equal(t, ""+
		"2026-11-24T12:46:47.123456789Z 8f3a5c7e9b1d2f40 e=00003 s=000000000001 o=00000000000000 p=00000000 "+
		"PlK3j4FPKFMP43XlO c=9fbf7813\n"+
		"2026-11-24T12:46:48.000000000Z 8f3a5c7e9b1d2f40 e=00003 s=000000000002 o=00000000000128 p=9fbf7813 "+
		"VA3jBrQEhOBCwuHyd c=1ae28b49\n"+
		"1970-01-01T00:00:00.000000001Z 8f3a5c7e9b1d2f40 e=00003 s=000000000003 o=00000000000256 p=1ae28b49 "+
		"2lGW50fpZh32UC-bt c=71aeb46d\n", file.String())
}

func TestAppendDecimal_KeepsAllDigits(t *testing.T) {
	assert.Equal(t, "00000", string(appendDecimal(nil, 0, 5)))
	assert.Equal(t, "x99999", string(appendDecimal([]byte("x"), 99_999, 5)))
	assert.Equal(t, "x100000", string(appendDecimal([]byte("x"), 100_000, 5)))
}

func TestScan_EmptyFile(t *testing.T) {
	report := scan(t, nil)
	assert.True(t, report.Present)
	assert.Zero(t, report.Records)
	assert.False(t, report.Unterminated)
}

func TestScan_DoesNotDependOnTheLengthOfReads(t *testing.T) {
	content := journalOf(t, 40, 40)
	content[256*7+100] ^= 1
	atOnce := scan(t, content)
	byteByByte, err := Scan(iotest.OneByteReader(bytes.NewReader(content)), testFormat, nil)
	require.NoError(t, err)
	assert.Equal(t, atOnce, byteByByte)
}

func TestScan_ReturnsTheErrorOfTheReader(t *testing.T) {
	content := journalOf(t, 40)
	broken := errors.New("input/output error")
	report, err := Scan(io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), testFormat, nil)
	require.ErrorIs(t, err, broken)
	assert.True(t, report.Present)
}

func TestScan_FindsEveryBitFlipInItsRecordOnly(t *testing.T) {
	const record = 5
	for bit := 0; bit < 256*8; bit++ {
		content := journalOf(t, 10)
		content[256*record+bit/8] ^= 1 << (bit % 8)
		report := scan(t, content)
		require.Equal(t, uint64(9), report.Records, "bit %d", bit)
		require.Len(t, report.Damage, 1, "bit %d", bit)
		require.Equal(t, int64(256*record), report.Damage[0].Offset, "bit %d", bit)
		require.Equal(t, int64(256), report.Damage[0].Length, "bit %d", bit)
		require.Nil(t, report.Damage[0].Partial, "bit %d: not a torn record", bit)
		require.Len(t, report.Segments, 2, "bit %d", bit)
		require.Equal(t, uint64(7), report.Segments[1].First, "bit %d", bit)
	}
}

func TestScan_FindsEveryTruncation(t *testing.T) {
	whole := journalOf(t, 4)
	for n := range len(whole) {
		report := scan(t, whole[:n])
		require.Equal(t, uint64(n/256), report.Records, "cut at %d", n)
		require.Equal(t, n%256 != 0, report.Unterminated, "cut at %d", n)
		if n%256 == 0 {
			require.Empty(t, report.Damage, "cut at %d", n)
			continue
		}
		torn := Damage{Offset: int64(n / 256 * 256), Length: int64(n % 256), Partial: &Point{1, uint64(n/256 + 1)}}
		require.Equal(t, []Damage{torn}, report.Damage, "cut at %d", n)
	}
}

func TestWriter_StartsNewLineAfterTornOne(t *testing.T) {
	var file memoryFile
	appendEpoch(t, &file, testFormat, 1, 3)
	file.Truncate(2*256 + 77)
	appendEpoch(t, &file, testFormat, 2, 3)
	report := scan(t, file.Bytes())
	require.Len(t, report.Segments, 2)
	assert.Equal(t, uint64(2), report.Segments[0].Last)
	assert.Equal(t, Segment{
		Epoch: 2, First: 1, Last: 3, Offset: 2*256 + 78, End: 5*256 + 78, lastChecksum: report.Segments[1].lastChecksum,
	}, report.Segments[1])
	assert.Equal(t, []Damage{{Offset: 512, Length: 78, Partial: &Point{1, 3}}}, report.Damage)
}

func TestScan_ReportsWhatItFinds(t *testing.T) {
	const size = 256
	other := Format{ID: "fedcba9876543210", RecordSize: 300}
	var foreign memoryFile
	appendEpoch(t, &foreign, other, 1, 3)
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
		check  func(t *testing.T, r ScanReport)
	}{
		{"a zeroed page", func(b []byte) []byte {
			clear(b[4096:8192])
			return b
		}, func(t *testing.T, r ScanReport) {
			assert.Equal(t, []Damage{{Offset: 4096, Length: 4096, Zeros: 4096}}, r.Damage)
		}},
		{"records cut out", func(b []byte) []byte {
			return append(b[:10*size:10*size], b[15*size:]...)
		}, func(t *testing.T, r ScanReport) {
			require.Len(t, r.Segments, 2)
			assert.Equal(t, uint64(10), r.Segments[0].Last)
			assert.Equal(t, uint64(16), r.Segments[1].First)
			assert.Equal(t, uint64(25), r.Segments[1].Displaced, "records are not at the offset that they name")
		}},
		{"two pages swapped", func(b []byte) []byte {
			page := bytes.Clone(b[4096:6144])
			copy(b[4096:], b[6144:8192])
			copy(b[6144:], page)
			return b
		}, func(t *testing.T, r ScanReport) {
			require.Len(t, r.Segments, 4)
			for i, first := range []uint64{1, 25, 17, 33} {
				assert.Equal(t, first, r.Segments[i].First)
			}
		}},
		{"a duplicated page", func(b []byte) []byte {
			return append(b[:2048:2048], b[:]...)
		}, func(t *testing.T, r ScanReport) {
			assert.Equal(t, uint64(48), r.Records)
			require.Len(t, r.Segments, 2)
		}},
		{"the journal of another run", func([]byte) []byte {
			return foreign.Bytes()
		}, func(t *testing.T, r ScanReport) {
			assert.Zero(t, r.Records)
			assert.Equal(t, []Foreign{{ID: other.ID, Records: 3, End: 900}}, r.Foreign)
		}},
		{"records of another run between ours", func(b []byte) []byte {
			return bytes.Join([][]byte{b[:size], foreign.Bytes(), b[size:]}, nil)
		}, func(t *testing.T, r ScanReport) {
			assert.Equal(t, []Foreign{{ID: other.ID, Records: 3, Offset: size, End: size + 900}}, r.Foreign)
			assert.Len(t, r.Segments, 1, "our records are all present and in order")
		}},
		{"records of another run after damage", func(b []byte) []byte {
			return bytes.Join([][]byte{b[:size], []byte("garbage\n"), foreign.Bytes(), b[size:]}, nil)
		}, func(t *testing.T, r ScanReport) {
			assert.Len(t, r.Foreign, 1)
			assert.Equal(t, []Damage{{Offset: size, Length: 8}}, r.Damage)
		}},
		{"a lost newline", func(b []byte) []byte {
			return append(b[:size-1:size-1], b[size:]...)
		}, func(t *testing.T, r ScanReport) {
			assert.Equal(t, uint64(39), r.Records)
			assert.Equal(t, int64(255), r.Damage[0].Length)
		}},
		{"garbage longer than the search window", func(b []byte) []byte {
			garbage := bytes.Repeat([]byte("x"), 5*searchWindow+17)
			return bytes.Join([][]byte{b[:size], garbage, b[size:]}, nil)
		}, func(t *testing.T, r ScanReport) {
			assert.Equal(t, uint64(40), r.Records)
			assert.Equal(t, []Damage{{Offset: size, Length: 5*searchWindow + 17}}, r.Damage)
		}},
		{"more newlines than the search window", func(b []byte) []byte {
			return bytes.Join([][]byte{b[:size], bytes.Repeat([]byte("\n"), 5*searchWindow+17), b[size:]}, nil)
		}, func(t *testing.T, r ScanReport) {
			assert.Equal(t, uint64(40), r.Records)
			assert.Equal(t, []Damage{{Offset: size, Length: 5*searchWindow + 17, Blank: true}}, r.Damage)
		}},
		{"a torn record padded with zeros", func(b []byte) []byte {
			clear(b[39*size+100:])
			return b
		}, func(t *testing.T, r ScanReport) {
			assert.Equal(t, []Damage{{Offset: 39 * size, Length: size, Zeros: 156, Partial: &Point{1, 40}}}, r.Damage)
		}},
		{"records with the same numbers and other predecessors", func(b []byte) []byte {
			var file memoryFile
			w, err := NewWriter(&file, testFormat, 1, 0, false)
			require.NoError(t, err)
			_, err = w.Commit(40, func() time.Time { return time.Unix(0, 0) })
			require.NoError(t, err)
			copy(b[20*size:30*size], file.Bytes()[20*size:30*size])
			return b
		}, func(t *testing.T, r ScanReport) {
			require.Len(t, r.Segments, 3)
			assert.True(t, r.Segments[1].Unlinked)
			assert.True(t, r.Segments[2].Unlinked)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.check(t, scan(t, c.damage(journalOf(t, 40))))
		})
	}
}

func TestScan_LimitsTheReport(t *testing.T) {
	var content []byte
	whole := journalOf(t, 3*maxListed)
	for i := 0; i < 3*maxListed; i += 2 {
		content = append(content, whole[i*256:(i+1)*256]...)
		content = append(content, '?')
	}
	report := scan(t, content)
	const limit = maxListed + 1 // one more for the epoch
	assert.Len(t, report.Segments, limit)
	assert.Len(t, report.Damage, limit)
	assert.Equal(t, 3*maxListed-2*limit, report.Unlisted)
}

// Each deletion adds an epoch. The limit must not apply to them.
func TestScan_ListsEveryEpoch(t *testing.T) {
	const epochs = maxListed + 100
	report := scan(t, journalOf(t, slices.Repeat([]int{1}, epochs)...))
	assert.Len(t, report.Segments, epochs)
	assert.Zero(t, report.Unlisted)
}

func TestScan_RandomDamageNeverAddsRecords(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	whole := journalOf(t, 30, 30)
	for round := range 300 {
		content := bytes.Clone(whole)
		for range 1 + random.IntN(5) {
			from := random.IntN(len(content))
			to := from + random.IntN(min(3000, len(content)-from))
			switch random.IntN(3) {
			case 0:
				clear(content[from:to])
			case 1:
				content[from] ^= byte(1 + random.IntN(255))
			case 2:
				content = append(content[:from:from], content[to:]...)
			}
			if len(content) == 0 {
				break
			}
		}
		report := scan(t, content)
		for _, s := range report.Segments {
			for seq := s.First; seq <= s.Last; seq++ {
				at := s.Offset + int64(seq-s.First)*256
				original := (int64(s.Epoch-1)*30 + int64(seq) - 1) * 256
				require.Equal(t, string(whole[original:original+256]), string(content[at:at+256]),
					"seed %d round %d: %+v", seed, round, s)
			}
		}
	}
}

func TestFormat_IsValidated(t *testing.T) {
	_, err := Scan(strings.NewReader(""), Format{ID: "xyz", RecordSize: 5}, nil)
	assert.ErrorContains(t, err, `journal id "xyz": want 16 hexadecimal digits`)
	assert.ErrorContains(t, err, "record size 5: want 128 to 65536 bytes")
	_, err = NewWriter(&memoryFile{}, testFormat, 0, 0, false)
	assert.ErrorContains(t, err, "epoch 0: want 1 to 99999")
}

// flakyFile fails one sync and then works again.
type flakyFile struct {
	memoryFile
	syncs int
}

func (f *flakyFile) Datasync() error {
	f.syncs++
	if f.syncs == 2 {
		return errors.New("input/output error")
	}
	return nil
}

func TestWriter_WritesNothingAfterAFailedSync(t *testing.T) {
	var file flakyFile
	w, err := NewWriter(&file, testFormat, 1, 0, false)
	require.NoError(t, err)
	now := clock()
	_, err = w.Commit(2, now)
	require.NoError(t, err)
	_, err = w.Commit(3, now)
	require.ErrorContains(t, err, "committing sequence 3 to 5 of epoch 1: fdatasync: input/output error")
	written := file.Len()
	_, again := w.Commit(1, now)
	assert.Equal(t, err, again)
	assert.Equal(t, written, file.Len(), "written after the failure")
}

func BenchmarkScan(b *testing.B) {
	for _, size := range []int{256, 4096} {
		format := Format{ID: testFormat.ID, RecordSize: size}
		content := benchmarkJournal(b, format, 64<<20)
		path := filepath.Join(b.TempDir(), "logs.log")
		require.NoError(b, os.WriteFile(path, content, 0o600))
		file, err := os.Open(path)
		require.NoError(b, err)
		b.Cleanup(func() { file.Close() })
		for name, r := range map[string]io.ReadSeeker{"memory": bytes.NewReader(content), "cachedFile": file} {
			b.Run(fmt.Sprintf("record=%d/%s", size, name), func(b *testing.B) {
				b.SetBytes(int64(len(content)))
				b.ReportAllocs()
				for b.Loop() {
					_, err := r.Seek(0, io.SeekStart)
					require.NoError(b, err)
					report, err := Scan(struct{ io.Reader }{r}, format, nil)
					require.NoError(b, err)
					require.Len(b, report.Segments, 1)
				}
			})
		}
	}
}

func benchmarkJournal(b *testing.B, format Format, length int) []byte {
	b.Helper()
	var file memoryFile
	w, err := NewWriter(&file, format, 1, 0, false)
	require.NoError(b, err)
	_, err = w.Commit(length/format.RecordSize, clock())
	require.NoError(b, err)
	return file.Bytes()
}

func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{256, 4096} {
		for _, n := range []int{1, (1 << 20) / size} {
			b.Run(fmt.Sprintf("record=%d/records=%d", size, n), func(b *testing.B) {
				w, err := NewWriter(discardFile{}, Format{ID: testFormat.ID, RecordSize: size}, 1, 0, false)
				require.NoError(b, err)
				b.SetBytes(int64(size * n))
				b.ReportAllocs()
				for b.Loop() {
					_, err := w.Commit(n, time.Now)
					require.NoError(b, err)
				}
			})
		}
	}
}

// discardFile discards everything, so that a benchmark measures only the writer.
type discardFile struct{}

func (discardFile) Write(b []byte) (int, error) { return len(b), nil }
func (discardFile) Datasync() error             { return nil }
