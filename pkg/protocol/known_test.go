package protocol

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// scanWith returns a scan result that lists this many epochs.
func scanWith(epochs int) ScanResult {
	scan := ScanResult{ScanReport: journal.ScanReport{Present: true}}
	for n := 1; n <= epochs; n++ {
		scan.Segments = append(scan.Segments, journal.Segment{Epoch: n, First: 1, Last: 9, Displaced: 1})
		scan.Digests = append(scan.Digests, journal.Digest{Point: journal.Point{Epoch: n, Seq: 9}, Checksum: 7})
	}
	return scan
}

func listsOf(scan ScanResult) KnownLists { return KnownLists{scan.Segments, scan.Digests} }

// sent returns the message with a scan result, as it is received from a helper that knows lists.
func sent(t *testing.T, known KnownLists, scan ScanResult) Message {
	t.Helper()
	var start KnownStart
	if flags := known.Flags(); len(flags) > 0 {
		require.Equal(t, "--known", flags[0])
		var err error
		start, err = ParseKnownStart(flags[1])
		require.NoError(t, err)
	}
	var line bytes.Buffer
	require.NoError(t, Write(&line, start.Message(scan)))
	m, err := Parse(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
	require.NoError(t, err)
	return m
}

func TestKnownLists_AreOmittedAndCompleted(t *testing.T) {
	known := listsOf(scanWith(3))
	m := sent(t, known, scanWith(5))
	require.NotNil(t, m.ScanAfter)
	assert.Len(t, m.ScanAfter.Segments, 2)
	assert.Len(t, m.ScanAfter.Digests, 2)
	complete, err := m.ScanAfter.Complete(known)
	require.NoError(t, err)
	assert.Equal(t, scanWith(5), complete)
}

func TestComplete_DoesNotChangeTheResultOfAnotherCall(t *testing.T) {
	lists := scanWith(5)
	known := KnownLists{lists.Segments[:3], lists.Digests[:3]} // with free capacity
	first, other := scanWith(5), scanWith(5)
	other.Segments[4].Last, other.Digests[4].Seq = 8, 8
	var completed []ScanResult
	for _, scan := range []ScanResult{first, other} {
		complete, err := sent(t, known, scan).ScanAfter.Complete(known)
		require.NoError(t, err)
		completed = append(completed, complete)
	}
	assert.Equal(t, []ScanResult{first, other}, completed)
	assert.Equal(t, scanWith(5), lists)
}

// Whatever differs from the known lists, the helper lists everything.
func TestKnownLists_AreListedIfTheyDiffer(t *testing.T) {
	for name, change := range map[string]func(*ScanResult){
		"epoch":     func(s *ScanResult) { s.Segments[1].Epoch = 9 },
		"first":     func(s *ScanResult) { s.Segments[1].First = 2 },
		"last":      func(s *ScanResult) { s.Segments[1].Last = 8 },
		"offset":    func(s *ScanResult) { s.Segments[1].Offset = 1 },
		"end":       func(s *ScanResult) { s.Segments[1].End = 1 },
		"unlinked":  func(s *ScanResult) { s.Segments[1].Unlinked = true },
		"displaced": func(s *ScanResult) { s.Segments[1].Displaced = 0 },
		"number":    func(s *ScanResult) { s.Digests[1].Seq = 8 },
		"checksum":  func(s *ScanResult) { s.Digests[1].Checksum = 8 },
		"segments":  func(s *ScanResult) { s.Segments = s.Segments[:2] },
		"digests":   func(s *ScanResult) { s.Digests = s.Digests[:2] },
	} {
		t.Run(name, func(t *testing.T) {
			scan := scanWith(5)
			change(&scan)
			m := sent(t, listsOf(scanWith(3)), scan)
			require.NotNil(t, m.ScanResult)
			assert.Equal(t, scan, *m.ScanResult)
		})
	}
	assert.NotNil(t, sent(t, KnownLists{}, scanWith(5)).ScanResult, "nothing is known")
}

func TestScanAfter_IsCompletedOnlyWithItsOwnLists(t *testing.T) {
	m := sent(t, listsOf(scanWith(3)), scanWith(5))
	for _, other := range []KnownLists{{}, listsOf(scanWith(2)), listsOf(scanWith(4))} {
		_, err := m.ScanAfter.Complete(other)
		assert.ErrorContains(t, err, "omits 3 segments and 3 digests")
	}
}

func TestParseKnownStart_RejectsWhatIsNone(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for _, wrong := range []string{"", "1:2", "x:2:" + sum, "1:-2:" + sum, "1:2:00", "1:2:" + sum + "0"} {
		_, err := ParseKnownStart(wrong)
		assert.ErrorContains(t, err, "want segments:digests:SHA-256", wrong)
	}
}
