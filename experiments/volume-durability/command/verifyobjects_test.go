//go:build linux || darwin

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/files"
	"github.com/volume-durability/volume-durability/pkg/pattern/mixed"
	"github.com/volume-durability/volume-durability/pkg/pattern/slots"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// objectWriter does the operations of a write pattern.
type objectWriter interface {
	Do([]pattern.Operation) error
	io.Closer
}

// writeObjects writes 100 operations on 16 objects, and returns their path and the bundle of their run.
func writeObjects(t *testing.T, name pattern.Name) (path string, run result.Result) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "logs.log")
	model, err := pattern.NewModel(format, pattern.NewLayout(name, 16))
	require.NoError(t, err)
	size := model.Size(format.RecordSize)
	var w objectWriter
	switch {
	case name == pattern.Mixed:
		require.NoError(t, files.CreateFolder(path))
		w, err = mixed.NewWriter(path, model, size)
	case name.IsFolder():
		require.NoError(t, files.CreateFolder(path))
		w = files.NewWriter(path, model)
	default:
		var file *volume.File
		file, err = volume.CreateInPlace(path, size)
		w = slots.NewWriter(file)
	}
	require.NoError(t, err)
	operations, err := pattern.NewEncoder(format, model, 1)
	require.NoError(t, err)
	batch, last := operations.Next(100, time.Now)
	require.NoError(t, w.Do(batch))
	require.NoError(t, w.Close())
	run = samples.Pass()
	c := &run.Cells[0]
	c.Layout, c.Journal, c.JournalFile = model.Layout, format, path
	c.Epochs, c.Reader = c.Epochs[:1], nil
	c.Acks = []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Checksum}}
	return path, run
}

// lastObject returns the path of the last object of a folder that is a file.
func lastObject(t *testing.T, folder string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "file-*"))
	require.NoError(t, err)
	return slices.Max(names)
}

func verifyJSON(t *testing.T, args ...string) (int, verification) {
	t.Helper()
	code, out, errOut := execute(t, append(append([]string{"verify"}, args...), "-o", "json")...)
	var found verification
	require.NoError(t, json.Unmarshal([]byte(out), &found), errOut)
	return code, found
}

func TestVerify_ObjectsOfAWritePattern(t *testing.T) {
	overwriteSlot := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteAt([]byte(content), 3*int64(format.RecordSize)+200)
			require.NoError(t, err)
			require.NoError(t, file.Close())
		}
	}
	removeFile := func(t *testing.T, path string) { require.NoError(t, os.Remove(lastObject(t, path))) }
	for name, damage := range map[pattern.Name]struct {
		do   func(*testing.T, string)
		want judge.Class
	}{
		pattern.Overwrite: {overwriteSlot("\x00\x00"), judge.Corrupt},
		pattern.Map:       {overwriteSlot("~~"), judge.Corrupt},
		pattern.Replace:   {removeFile, judge.Missing},
		pattern.Create:    {removeFile, judge.Missing},
		pattern.Remove:    {removeFile, judge.Missing},
		pattern.Recycle:   {removeFile, judge.Missing},
		pattern.Mixed:     {removeFile, judge.Missing},
	} {
		t.Run(string(name), func(t *testing.T) {
			path, run := writeObjects(t, name)
			folder := writeBundle(t, run)
			sources := [][]string{{"--bundle", folder}, {"--ledger", filepath.Join(folder, "ledger.json")}}
			for _, source := range sources {
				code, found := verifyJSON(t, append([]string{"--journal", path}, source...)...)
				assert.Equal(t, terminal.ExitOK, code)
				assert.Equal(t, run.Cells[0].Layout, found.Layout)
				assert.Empty(t, found.Judgement.Findings)
			}
			damage.do(t, path)
			for _, source := range sources {
				code, found := verifyJSON(t, append([]string{"--journal", path}, source...)...)
				assert.Equal(t, terminal.ExitFail, code)
				require.Len(t, found.Judgement.Findings, 1)
				assert.Equal(t, damage.want, found.Judgement.Findings[0].Class)
				assert.NotEmpty(t, found.Judgement.Findings[0].Object)
			}
		})
	}
}

func TestVerify_TextNamesTheObjects(t *testing.T) {
	path, run := writeObjects(t, pattern.Overwrite)
	code, out, errOut := execute(t, "verify", "--journal", path, "--bundle", writeBundle(t, run))
	assert.Equal(t, terminal.ExitOK, code, errOut)
	assert.Contains(t, out, "all 100 acknowledged records are intact, or later ones replaced them (84)")
	assert.Contains(t, out, "objects       16 slots of the write pattern overwrite")
}

func TestVerify_ShowsWhetherFilesWereRemoved(t *testing.T) {
	path, run := writeObjects(t, pattern.Remove)
	_, found := verifyJSON(t, "--journal", path, "--bundle", writeBundle(t, run))
	assert.Equal(t, "all 100 acknowledged records are intact, or later operations removed them (84)", found.Reason)
	assert.Empty(t, found.Judgement.Notes)

	path, run = writeObjects(t, pattern.Create) // the same files as those of a writer that removed none
	run.Cells[0].Layout = pattern.Layout{Pattern: pattern.Remove, Objects: 100}
	_, found = verifyJSON(t, "--journal", path, "--bundle", writeBundle(t, run))
	assert.Equal(t, "all 100 acknowledged records are intact", found.Reason)
	assert.Contains(t, fmt.Sprint(found.Judgement.Notes), "the run tested only the creation of files")
}

func TestVerify_ObjectsThatAreNotThere(t *testing.T) {
	path, run := writeObjects(t, pattern.Create)
	folder := writeBundle(t, run)
	require.NoError(t, os.RemoveAll(path))
	code, found := verifyJSON(t, "--journal", path, "--bundle", folder)
	assert.Equal(t, terminal.ExitFail, code)
	require.Len(t, found.Judgement.Findings, 1)
	assert.Equal(t, judge.Missing, found.Judgement.Findings[0].Class)

	require.NoError(t, os.Mkdir(path, 0o700))
	code, found = verifyJSON(t, "--journal", path, "--bundle", folder)
	assert.Equal(t, terminal.ExitFail, code)
	assert.Contains(t, fmt.Sprint(found.Judgement.Notes), "no file in "+path+" has the name of an object")
}

func TestVerify_RejectsAPathThatDoesNotFitTheWritePattern(t *testing.T) {
	_, created := writeObjects(t, pattern.Create)
	_, overwritten := writeObjects(t, pattern.Overwrite)
	file, folder := save(t, "file", []byte("other data")), t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--journal", file, "--bundle", writeBundle(t, created)}, "is not a folder"},
		{[]string{"--journal", folder, "--bundle", writeBundle(t, overwritten)}, "needs a file or a block device"},
		{[]string{"--journal", file, "--bundle", writeBundle(t, overwritten)}, "is this the right path?"},
		{[]string{"--journal", folder, "--bundle", writeBundle(t, samples.Pass())}, "needs a file or a block device"},
	} {
		code, _, errOut := execute(t, append([]string{"verify"}, c.args...)...)
		assert.Equal(t, terminal.ExitError, code)
		assert.Contains(t, errOut, c.want)
	}
}
