package journal

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzScan: whatever a file holds, a scan ends without a panic, accounts for every
// byte, and names no record that is not there.
func FuzzScan(f *testing.F) {
	var file memoryFile
	w, err := NewWriter(&file, testFormat, 1, 0, false)
	require.NoError(f, err)
	_, err = w.Commit(4, clock())
	require.NoError(f, err)
	whole := file.Bytes()
	f.Add(whole)
	f.Add(whole[:700])
	f.Add(bytes.Replace(whole, []byte("\n"), nil, 1))
	f.Add(append([]byte("\n\n"), whole...))
	f.Add(bytes.ReplaceAll(whole, []byte(testFormat.ID), []byte("fedcba9876543210")))
	f.Add(bytes.Repeat([]byte(" "+testFormat.ID+" e="), 40))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
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
