package journal

import (
	"bytes"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzScan: whatever a file holds, a scan ends without a panic, accounts for every
// byte, and names no record that is not there. Sealed, every line's checksum is right.
func FuzzScan(f *testing.F) {
	var file memoryFile
	w, err := NewWriter(&file, testFormat, 1, 0, false)
	require.NoError(f, err)
	_, err = w.Commit(4, clock())
	require.NoError(f, err)
	whole := file.Bytes()
	for _, content := range [][]byte{
		whole,
		whole[:700],
		bytes.Replace(whole, []byte("\n"), nil, 1),
		append([]byte("\n\n"), whole...),
		bytes.ReplaceAll(whole, []byte(testFormat.ID), []byte("fedcba9876543210")),
		bytes.Repeat([]byte(" "+testFormat.ID+" e="), 40),
		nil,
	} {
		f.Add(content, false)
		f.Add(content, true)
	}
	f.Fuzz(func(t *testing.T, content []byte, sealed bool) {
		if sealed {
			content = seal(content)
		}
		report, err := Scan(bytes.NewReader(content), testFormat, []Point{{1, 2}})
		require.NoError(t, err)
		require.Equal(t, int64(len(content)), report.Bytes)
		requireEveryByteAccounted(t, report)
		for _, s := range report.Segments {
			require.LessOrEqual(t, s.First, s.Last)
			require.LessOrEqual(t, s.Offset, s.End)
			require.LessOrEqual(t, s.End, report.Bytes)
		}
	})
}

// seal gives every line its checksum, so that what is behind it is reached.
func seal(content []byte) []byte {
	var sealed []byte
	for line := range bytes.Lines(content) {
		if n := len(line) - sumTail; n > 0 && line[len(line)-1] == '\n' {
			line = append(appendSum(bytes.Clone(line[:n]), crc32.Checksum(line[:n], castagnoli)), '\n')
		}
		sealed = append(sealed, line...)
	}
	return sealed
}
