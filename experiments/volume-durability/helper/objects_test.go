package helper

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// objectCount is the number of objects in the tests.
const objectCount = 64

// objectPatterns returns the flags of each pattern with objects.
func objectPatterns() map[pattern.Name][]string {
	flags := map[pattern.Name][]string{}
	for _, name := range pattern.Names() {
		if !name.HasObjects() {
			continue
		}
		flags[name] = []string{"--pattern", string(name)}
		if name != pattern.Create {
			flags[name] = append(flags[name], "--objects", fmt.Sprint(objectCount))
		}
	}
	return flags
}

// judgeObjects reads objects back, judges them and returns the findings.
func judgeObjects(t *testing.T, path string, name pattern.Name, acks []ledger.Ack, flags []string) []judge.Finding {
	t.Helper()
	var last []ledger.Ack // the last acknowledgement of each epoch
	for _, ack := range acks {
		if n := len(last); n > 0 && last[n-1].Epoch == ack.Epoch {
			last = last[:n-1]
		}
		last = append(last, ack)
	}
	layout := pattern.Layout{Pattern: name}
	if name != pattern.Create {
		layout.Objects = objectCount
	}
	scan := readBack(t, path, fmt.Sprintf("%d:%d", last[0].Epoch, last[0].Seq), flags...)
	return judge.Judge(judge.Input{Layout: layout, Acks: last, Scan: scan.ScanReport, Epochs: len(last)}).Findings
}

func TestWriteObjects_ReaderFindsEveryAcknowledgedOperation(t *testing.T) {
	for name, flags := range objectPatterns() {
		t.Run(string(name), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "objects")
			acks := acksIn(writeEpoch(t, path, 1, 100, flags...))
			assert.Empty(t, judgeObjects(t, path, name, acks, flags))
			acks = append(acks, acksIn(writeEpoch(t, path, 2, 30, flags...))...)
			assert.Empty(t, judgeObjects(t, path, name, acks, flags))
		})
	}
}

func TestWriteObjects_ReaderFindsALostFolderOrFile(t *testing.T) {
	for name, flags := range objectPatterns() {
		t.Run(string(name), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "objects")
			acks := acksIn(writeEpoch(t, path, 1, 100, flags...))
			require.NoError(t, os.RemoveAll(path))
			findings := judgeObjects(t, path, name, acks, flags)
			require.Len(t, findings, 1)
			assert.Equal(t, judge.Missing, findings[0].Class)
		})
	}
}

func TestWriteObjects_ReaderFindsAnOldState(t *testing.T) {
	for name, flags := range objectPatterns() {
		t.Run(string(name), func(t *testing.T) {
			path, old := filepath.Join(t.TempDir(), "objects"), filepath.Join(t.TempDir(), "old")
			acks := acksIn(writeEpoch(t, path, 1, 100, flags...))
			copyAll(t, path, old)
			acks = append(acks, acksIn(writeEpoch(t, path, 2, 30, flags...))...)
			require.NoError(t, os.RemoveAll(path))
			copyAll(t, old, path)
			findings := judgeObjects(t, path, name, acks, flags)
			require.NotEmpty(t, findings)
			want := []judge.Class{judge.Missing}
			switch {
			case name == pattern.Mixed:
				want = append(want, judge.Stale)
			case name.SharesObjects():
				want = []judge.Class{judge.Stale}
			}
			for _, f := range findings {
				assert.Contains(t, want, f.Class, f)
				assert.Equal(t, 2, f.Epoch, f)
			}
		})
	}
}

func TestRemoveObjects_ReaderFindsARemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "objects")
	flags := objectPatterns()[pattern.Remove]
	acks := acksIn(writeEpoch(t, path, 1, 100, flags...))
	removed := filepath.Join(path, "file-00001-000000000007")
	require.NoFileExists(t, removed)
	other, err := os.ReadFile(firstFile(t, path))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(removed, other, 0o644))
	findings := judgeObjects(t, path, pattern.Remove, acks, flags)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Resurrected, findings[0].Class)
	assert.Equal(t, "file-00001-000000000007", findings[0].Object)
}

// A file whose overwrite was lost still has the record that it had under its earlier name.
func TestRecycleObjects_ReaderFindsAnOldRecord(t *testing.T) {
	path, old := filepath.Join(t.TempDir(), "objects"), filepath.Join(t.TempDir(), "old")
	flags := objectPatterns()[pattern.Recycle]
	acks := acksIn(writeEpoch(t, path, 1, 100, flags...))
	writeEpoch(t, old, 1, 30, flags...)
	record, err := os.ReadFile(filepath.Join(old, "file-00001-000000000030"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(path, "file-00001-000000000094"), record, 0o644))
	findings := judgeObjects(t, path, pattern.Recycle, acks, flags)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Stale, findings[0].Class)
	assert.Contains(t, findings[0].Detail, "has the record of epoch 1 sequence 30")
}

func TestRemove_RemovesObjectsAndNothingElse(t *testing.T) {
	for name, flags := range objectPatterns() {
		t.Run(string(name), func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "objects")
			writeEpoch(t, path, 1, 5, flags...)
			remove := []string{"remove", "--file", path}
			if name.IsFolder() {
				require.NoError(t, os.WriteFile(filepath.Join(path, "of-the-user"), nil, 0o644))
				require.Error(t, run(t.Context(), remove, &discard{}, &discard{}))
				entries, err := os.ReadDir(path)
				require.NoError(t, err)
				require.Len(t, entries, 1)
				require.NoError(t, os.Remove(filepath.Join(path, "of-the-user")))
			}
			require.NoError(t, run(t.Context(), remove, &discard{}, &discard{}))
			assert.NoFileExists(t, path)
			assert.NoDirExists(t, path)
		})
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func firstFile(t *testing.T, folder string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "file-*"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	return slices.Min(names)
}

// copyAll copies a file or a folder of files.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	require.NoError(t, err)
	if info.IsDir() {
		require.NoError(t, os.CopyFS(to, os.DirFS(from)))
		return
	}
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, content, 0o644))
}
