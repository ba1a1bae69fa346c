package journal

import (
	"bytes"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzScan checks that a scan of any file does not panic, accounts for every byte, and lists
// no record outside of the file. If sealed is true, all lines get correct checksums first.
func FuzzScan(f *testing.F) {
	var file memoryFile
	w, err := NewWriter(&file, testFormat, 1, 0, false)
	require.NoError(f, err)
	_, err = w.Commit(4, clock())
	require.NoError(f, err)
	intact := file.Bytes()
	for _, content := range [][]byte{
		intact,
		intact[:700],
		bytes.Replace(intact, []byte("\n"), nil, 1),
		append([]byte("\n\n"), intact...),
		bytes.ReplaceAll(intact, []byte(testFormat.ID), []byte("fedcba9876543210")),
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

// seal gives every line a correct checksum, so that the scan does not reject it for that.
func seal(content []byte) []byte {
	var sealed []byte
	for line := range bytes.Lines(content) {
		if n := len(line) - checksumSuffixLen; n > 0 && line[len(line)-1] == '\n' {
			line = append(appendChecksum(bytes.Clone(line[:n]), crc32.Checksum(line[:n], castagnoli)), '\n')
		}
		sealed = append(sealed, line...)
	}
	return sealed
}
