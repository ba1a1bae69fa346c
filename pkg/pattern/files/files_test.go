//go:build linux || darwin

package files

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

func TestRead_DescribesAFileThatCannotBeReadInOneLine(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	model, err := pattern.NewModel(format, pattern.NewLayout(pattern.Create, 0))
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, model.ObjectName(journal.Object{Epoch: 1, Number: 1})), 0o700))
	scanner := pattern.NewScanner(format, model, nil)
	_, err = Read(folder, model, scanner)
	require.NoError(t, err)
	damage := scanner.Report().Objects.Damage
	require.Len(t, damage, 1)
	assert.Contains(t, damage[0].Unreadable, "is a folder")
	assert.NotContains(t, damage[0].Unreadable, "\n")
}

func TestRead_ReportsAnythingButAFileAsUnreadable(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	model, err := pattern.NewModel(format, pattern.NewLayout(pattern.Create, 0))
	require.NoError(t, err)
	encoder, err := pattern.NewEncoder(format, model, 1)
	require.NoError(t, err)
	operations, _ := encoder.Next(7, time.Now)
	folder := t.TempDir()
	require.NoError(t, NewWriter(folder, model).Do(operations))
	put := func(number uint64, create func(path string) error) {
		path := filepath.Join(folder, model.ObjectName(journal.Object{Epoch: 1, Number: number}))
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "copy"), content, 0o600))
		require.NoError(t, os.Remove(path))
		require.NoError(t, create(path))
	}
	put(2, func(path string) error { return os.Symlink(path, path) })
	put(3, func(path string) error { return os.Symlink("copy", path) })
	put(4, func(path string) error { return os.Mkdir(path, 0o700) })
	put(5, func(path string) error { return unix.Mkfifo(path, 0o600) })
	put(6, func(path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o600, 0) })

	scanner := pattern.NewScanner(format, model, nil)
	_, err = Read(folder, model, scanner)
	require.NoError(t, err)
	found := map[uint64]string{}
	for _, d := range scanner.Report().Objects.Damage {
		found[d.Number] = d.Unreadable
	}
	assert.Equal(t, map[uint64]string{
		2: "it is a symbolic link, not a regular file", 3: "it is a symbolic link, not a regular file",
		4: "it is a folder, not a regular file", 5: "it is a FIFO, not a regular file",
		6: "it is a socket, not a regular file",
	}, found)
	want := []journal.RecordRange{{Epoch: 1, First: 1, Last: 1}, {Epoch: 1, First: 7, Last: 7}}
	assert.Equal(t, want, scanner.Report().Objects.Current)
}

func TestRead_ReturnsAnErrorIfTheFolderIsAFIFO(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	model, err := pattern.NewModel(format, pattern.NewLayout(pattern.Create, 0))
	require.NoError(t, err)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	_, err = Read(fifo, model, pattern.NewScanner(format, model, nil))
	require.EqualError(t, err, fifo+" is a FIFO: want a folder")
	assert.EqualError(t, Remove(fifo), fifo+" is a FIFO: want a folder")
}

// After a rename that was done in part, both names lead to the same file. The next writer truncates it.
func TestRead_FindsARenameThatWasDoneInPart(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	model, err := pattern.NewModel(format, pattern.NewLayout(pattern.Replace, 16))
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "files")
	require.NoError(t, CreateFolder(folder))
	operations, err := pattern.NewEncoder(format, model, 1)
	require.NoError(t, err)
	w := NewWriter(folder, model)
	batch, _ := operations.Next(1, time.Now)
	first := batch[0].Object
	require.NoError(t, w.Do(batch))
	require.NoError(t, os.Link(w.path(first), filepath.Join(folder, temporary)))
	batch, _ = operations.Next(1, time.Now)
	require.NoError(t, w.Do(batch))

	scanner := pattern.NewScanner(format, model, nil)
	_, err = Read(folder, model, scanner)
	require.NoError(t, err)
	second := journal.Point{Epoch: 1, Seq: 2}
	assert.Equal(t, []journal.MisdirectedRecord{{Object: first, Record: second}}, scanner.Report().Objects.Misdirected)
}

// An NFS client renames a file that is removed while a process has it open. Its content is that of a removed object.
func TestRead_IgnoresTheFilesOfAnNFSClient(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	for _, name := range []pattern.Name{pattern.Remove, pattern.Replace} {
		model, err := pattern.NewModel(format, pattern.NewLayout(name, 5))
		require.NoError(t, err)
		encoder, err := pattern.NewEncoder(format, model, 1)
		require.NoError(t, err)
		operations, _ := encoder.Next(5, time.Now)
		folder := t.TempDir()
		require.NoError(t, NewWriter(folder, model).Do(operations))
		removed := filepath.Join(folder, model.ObjectName(operations[0].Object))
		require.NoError(t, os.Rename(removed, filepath.Join(folder, ".nfs00000000000a06fa00000001")))

		scanner := pattern.NewScanner(format, model, nil)
		_, err = Read(folder, model, scanner)
		require.NoError(t, err)
		report := scanner.Report()
		assert.Equal(t, uint64(4), report.Records, name)
		assert.Empty(t, report.Objects.Damage, name)
		assert.Empty(t, report.Objects.Misdirected, name)
	}
}
