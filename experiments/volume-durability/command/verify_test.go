//go:build linux || darwin

package command

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/tests/samples"
)

type memory struct{ bytes.Buffer }

func (*memory) Datasync() error { return nil }

var format = journal.Format{ID: "0123456789abcdef", RecordSize: 256}

// writeJournal returns a journal of 100 records and its acknowledgement.
func writeJournal(t *testing.T) (content []byte, ack ledger.Ack) {
	t.Helper()
	var file memory
	w, err := journal.NewWriter(&file, format, 1, 0, false)
	require.NoError(t, err)
	last, err := w.Commit(100, time.Now)
	require.NoError(t, err)
	return file.Bytes(), ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Checksum}
}

func save(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file
}

func TestVerify_JournalAgainstLedger(t *testing.T) {
	content, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	ledgers, err := json.Marshal([]bundle.Ledger{
		{Cell: "other", Journal: journal.Format{ID: "fedcba9876543210", RecordSize: 256}, Epochs: 1, Acks: []ledger.Ack{ack}},
		{Cell: "mine", Journal: format, Epochs: 1, Acks: []ledger.Ack{ack}},
	})
	require.NoError(t, err)
	whole, cut := save(t, "whole.log", content), save(t, "cut.log", content[:50*format.RecordSize])
	for _, l := range []string{token, save(t, "token", []byte(token+"\n")), save(t, "ledger.json", ledgers)} {
		code, out, _ := execute(t, "verify", "--journal", whole, "--ledger", l)
		assert.Equal(t, terminal.ExitOK, code)
		assert.Contains(t, out, "all 100 acknowledged records are intact")
		assert.Contains(t, out, fmt.Sprintf("SHA-256       %x", sha256.Sum256(content)))

		code, out, _ = execute(t, "verify", "--journal", cut, "--ledger", l, "-o", "json")
		assert.Equal(t, terminal.ExitFail, code)
		var found verification
		require.NoError(t, json.Unmarshal([]byte(out), &found))
		require.Len(t, found.Judgement.Findings, 1)
		assert.Equal(t, judge.LostTail, found.Judgement.Findings[0].Class)
		assert.Equal(t, uint64(50), found.Judgement.Findings[0].Records)
	}
	code, out, _ := execute(t, "verify",
		"--journal", whole, "--ledger", save(t, "ledger.json", ledgers), "--cell", "other")
	assert.Equal(t, terminal.ExitFail, code, "data of another run is foreign")
	assert.Contains(t, out, "foreign")
}

func TestVerify_JournalWithoutIDBelongsToTheTestedCell(t *testing.T) {
	_, ack := writeJournal(t)
	ledgers, err := json.Marshal([]bundle.Ledger{
		{Journal: format, Epochs: 1, Acks: []ledger.Ack{ack}},
		{
			Cell: "control", Journal: journal.Format{ID: "fedcba9876543210", RecordSize: 256}, Epochs: 1,
			Acks: []ledger.Ack{ack},
		},
	})
	require.NoError(t, err)
	code, out, errOut := execute(t, "verify",
		"--journal", save(t, "empty.log", nil), "--ledger", save(t, "ledger.json", ledgers))
	assert.Equal(t, terminal.ExitFail, code, errOut)
	assert.Contains(t, out, "the journal is empty")
	assert.Contains(t, out, format.ID)
}

func TestVerify_RejectsRunWithoutCells(t *testing.T) {
	content, _ := writeJournal(t)
	for _, from := range [][]string{
		{"--ledger", save(t, "l", []byte("[]"))},
		{"--bundle", writeBundle(t, samples.NotApplicable())},
	} {
		code, _, errOut := execute(t, append([]string{"verify", "--journal", save(t, "j", content)}, from...)...)
		assert.Equal(t, terminal.ExitError, code)
		assert.Contains(t, errOut, "the run has no tested cell")
	}
}

func TestVerify_RejectsInvalidLedger(t *testing.T) {
	content, ack := writeJournal(t)
	negative := ack
	negative.Epoch = -1
	ledgers, err := json.Marshal([]bundle.Ledger{{Cell: "c", Journal: format, Acks: []ledger.Ack{negative}}})
	require.NoError(t, err)
	code, out, errOut := execute(t, "verify",
		"--journal", save(t, "j", content), "--ledger", save(t, "ledger.json", ledgers))
	assert.Equal(t, terminal.ExitError, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, `cell "c": invalid ledger: acknowledgement of epoch -1`)
}

// With a ledger alone, verify must not find more than the reader of the run.
func TestVerify_LedgerAccountsForSilentAndOverlappingWriters(t *testing.T) {
	silent := func(t *testing.T) (*memory, []ledger.Ack) {
		file := &memory{}
		ack := commit(t, newWriter(t, file, 1), 10)
		commit(t, newWriter(t, file, 2), 10)
		return file, []ledger.Ack{ack}
	}
	overlapping := func(t *testing.T) (*memory, []ledger.Ack) {
		file := &memory{}
		first := newWriter(t, file, 1)
		commit(t, first, 5)
		second := commit(t, newWriter(t, file, 2), 5)
		return file, []ledger.Ack{commit(t, first, 5), second}
	}
	for name, c := range map[string]struct {
		write  func(t *testing.T) (*memory, []ledger.Ack)
		epochs int
		forced bool
		code   int
	}{
		"a writer without acknowledgements":            {silent, 2, false, terminal.ExitOK},
		"an epoch that the run did not have":           {silent, 1, false, terminal.ExitFail},
		"no number of epochs":                          {silent, 0, false, terminal.ExitError},
		"overlapping writers":                          {overlapping, 2, true, terminal.ExitOK},
		"overlapping writers without forced deletions": {overlapping, 2, false, terminal.ExitFail},
		"fewer epochs than acknowledged":               {overlapping, 1, true, terminal.ExitError},
	} {
		t.Run(name, func(t *testing.T) {
			file, acks := c.write(t)
			ledgers, err := json.Marshal([]bundle.Ledger{{Journal: format, Epochs: c.epochs, Forced: c.forced, Acks: acks}})
			require.NoError(t, err)
			code, out, errOut := execute(t, "verify",
				"--journal", save(t, "j", file.Bytes()), "--ledger", save(t, "ledger.json", ledgers))
			assert.Equal(t, c.code, code, out+errOut)
		})
	}
}

func newWriter(t *testing.T, file *memory, epoch int) *journal.Writer {
	t.Helper()
	w, err := journal.NewWriter(file, format, epoch, int64(file.Len()), false)
	require.NoError(t, err)
	return w
}

func commit(t *testing.T, w *journal.Writer, records int) ledger.Ack {
	t.Helper()
	last, err := w.Commit(records, time.Now)
	require.NoError(t, err)
	return ledger.Ack{Point: journal.Point{Epoch: last.Epoch, Seq: last.Seq}, Digest: last.Checksum}
}

func TestVerify_WrongArgumentsAreErrors(t *testing.T) {
	content, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	for _, args := range [][]string{
		{"--journal", "none/none", "--ledger", token},
		{"--journal", save(t, "j", content), "--ledger", token, "--acks", save(t, "a", nil)},
		{"--journal", save(t, "j", content), "--acks", save(t, "a", []byte(token))},
		{"--journal", save(t, "j", content), "--acks", save(t, "a", nil)},
		{"--journal", t.TempDir(), "--ledger", token},
		{"--journal", save(t, "j", content), "--ledger", token[:len(token)-1]},
		{"--journal", save(t, "j", content), "--ledger", save(t, "l", []byte(`[]`))},
		{"--journal", save(t, "j", content), "--bundle", t.TempDir()},
	} {
		code, out, errOut := execute(t, append([]string{"verify"}, args...)...)
		assert.Equal(t, terminal.ExitError, code, args)
		assert.Empty(t, out)
		assert.NotEmpty(t, errOut)
	}
}

func TestVerify_DeviceEndsWhereNothingWasWritten(t *testing.T) {
	content, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	image := append(bytes.Clone(content), make([]byte, 1<<20)...)
	code, out, _ := execute(t, "verify",
		"--device", "--journal", save(t, "disk.img", image), "--ledger", token, "-o", "json")
	assert.Equal(t, terminal.ExitOK, code)
	var found verification
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	assert.Equal(t, int64(len(content)), found.Scan.Bytes, "the rest of the device is not part of the journal")

	clear(image[4096 : 2*4096]) // zeros are a loss where records were acknowledged
	code, out, _ = execute(t, "verify",
		"--device", "--journal", save(t, "disk.img", image), "--ledger", token, "-o", "json")
	assert.Equal(t, terminal.ExitFail, code)
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	assert.Equal(t, uint64(100-4096/256), found.Judgement.Intact,
		"zeros end the journal only after all acknowledged records")
}

func TestVerify_AcceptsTheAcknowledgementsOfLocalWrite(t *testing.T) {
	content, ack := writeJournal(t)
	folder := t.TempDir()
	path, acksFile := filepath.Join(folder, "logs.log"), filepath.Join(folder, "acks")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	var acks bytes.Buffer
	require.NoError(t, protocol.Write(&acks, protocol.Message{Journal: &protocol.Journal{Format: format, Path: path}}))
	require.NoError(t, protocol.Write(&acks, protocol.Message{Ack: &ack}))
	require.NoError(t, os.WriteFile(acksFile, acks.Bytes(), 0o600))

	code, _, errOut := execute(t, "verify", "--journal", path, "--ledger", acksFile)
	assert.Equal(t, terminal.ExitOK, code, errOut)
	require.NoError(t, os.Truncate(path, int64(len(content)-256)))
	code, _, errOut = execute(t, "verify", "--journal", path, "--ledger", acksFile)
	assert.Equal(t, terminal.ExitFail, code, errOut)
}

func TestVerify_MissingJournalIsALossIfItsFolderExists(t *testing.T) {
	_, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	folder := t.TempDir()
	for _, journal := range []string{
		filepath.Join(folder, "logs.log"), filepath.Join(folder, volume.FolderPrefix+format.ID, "logs.log"),
	} {
		code, out, errOut := execute(t, "verify", "--journal", journal, "--ledger", token)
		assert.Equal(t, terminal.ExitFail, code, errOut)
		assert.Contains(t, out, "missing: 100 acknowledged records")
		assert.Contains(t, out, "100 of 100 acknowledged records are missing or damaged")
		assert.Contains(t, out, "check that --journal has the right path")
	}
	code, out, errOut := execute(t, "verify", "--journal", filepath.Join(folder, "typo", "logs.log"), "--ledger", token)
	assert.Equal(t, terminal.ExitError, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, "no such file or directory")
}

func TestVerify_DescribesWhatIsMissing(t *testing.T) {
	folder := t.TempDir()
	inFolder := filepath.Join(folder, "logs.log")
	v := &verifyCommand{journal: inFolder}
	assert.Equal(t, inFolder+" does not exist, but its folder does", v.describeMissing())
	own := filepath.Join(folder, "volume-durability-0f1e2d3c4b5a6978")
	v.journal = filepath.Join(own, "logs.log")
	assert.Equal(t, v.journal+" and the run's folder "+own+" do not exist", v.describeMissing())
}

func TestVerify_FileThatIsNoJournalIsAMistake(t *testing.T) {
	content, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	for name, c := range map[string]struct {
		content []byte
		code    int
	}{
		"a text":              {[]byte("Dear diary,\n"), terminal.ExitError},
		"a text and zeros":    {append([]byte("Dear diary,\n"), make([]byte, 8000)...), terminal.ExitError},
		"zeros only":          {make([]byte, 100*256), terminal.ExitFail},
		"nothing":             {nil, terminal.ExitFail},
		"a part of a record":  {content[:200], terminal.ExitFail},
		"a text and a record": {append([]byte("Dear diary,\n"), content[:256]...), terminal.ExitFail},
		"other records, with wrong checksums": {
			bytes.ReplaceAll(content, []byte(format.ID), []byte("fedcba9876543210")), terminal.ExitError,
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errOut := execute(t, "verify", "--journal", save(t, "j", c.content), "--ledger", token)
			assert.Equal(t, c.code, code, errOut)
			assert.Equal(t, c.code == terminal.ExitError, strings.Contains(errOut, "is this the right file?"))
		})
	}
}

func TestVerify_NotesForeignBytesAfterTheEnd(t *testing.T) {
	content, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	code, out, _ := execute(t, "verify", "--journal", save(t, "j", append(content, "surprise"...)), "--ledger", token)
	assert.Equal(t, terminal.ExitOK, code)
	assert.Contains(t, out, "8 bytes after the last record, which no writer of this journal wrote")
}

func TestVerify_FailedStorageIsUnavailable(t *testing.T) {
	_, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	journal := filepath.Join(t.TempDir(), "logs.log")
	require.NoError(t, os.Symlink("/proc/self/mem", journal)) // it can be opened, but the first page cannot be read
	code, out, errOut := execute(t, "verify", "--journal", journal, "--ledger", token)
	assert.Equal(t, terminal.ExitFail, code, errOut)
	assert.Contains(t, out, "unavailable (reading "+journal)
	assert.Contains(t, out, "100 records were acknowledged")
}

// vanished is a journal that can be opened, but whose reads do not find it.
type vanished struct{ journalFile }

func (vanished) Read([]byte) (int, error)    { return 0, syscall.ENOENT }
func (vanished) Close() error                { return nil }
func (vanished) ReadMode() protocol.ReadMode { return protocol.ReadDirect }
func (vanished) Unreadable() []journal.Range { return nil }
func (vanished) IsBlockDevice() bool         { return false }

func TestVerify_JournalThatOnlyItsReadsDoNotFindIsMissing(t *testing.T) {
	_, ack := writeJournal(t)
	var out syncBuffer
	v := &verifyCommand{
		streams: Streams{Out: &out, ErrOut: io.Discard}, stallTimeout: time.Minute, journal: save(t, "j", nil),
		ledger: ledger.Token{Format: format, Ack: ack}.String(),
		open:   func(string) (journalFile, error) { return vanished{}, nil }, mountOf: mountOf,
	}
	var exit *terminal.Exit
	require.ErrorAs(t, v.execute(t.Context()), &exit)
	assert.Equal(t, terminal.ExitFail, exit.Code)
	out.await(t, "missing: 100 acknowledged records")
}

// A name that leads to nothing may be in the cache of an NFS client only.
func TestVerify_ReadsAgainWhatTheMountMayHide(t *testing.T) {
	content, ack := writeJournal(t)
	for name, c := range map[string]struct {
		appears bool
		code    int
		note    string
	}{
		"a journal that appears": {true, terminal.ExitOK, "the last read showed a newer one"},
		"a journal that is lost": {false, terminal.ExitFail, "the last read still differed from what was acknowledged"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut syncBuffer
			path := filepath.Join(t.TempDir(), "logs.log")
			v := &verifyCommand{
				streams: Streams{Out: &out, ErrOut: &errOut}, stallTimeout: time.Minute, journal: path, open: openJournal,
				ledger: ledger.Token{Format: format, Ack: ack}.String(),
				mountOf: func(string) (protocol.Mount, error) { // called after the first read
					if c.appears {
						require.NoError(t, os.WriteFile(path, content, 0o600))
					}
					return protocol.Mount{FSType: "nfs4", SuperOptions: "acdirmin=1,acdirmax=1"}, nil
				},
			}
			code := terminal.ExitOK
			var exit *terminal.Exit
			if err := v.execute(t.Context()); errors.As(err, &exit) {
				code = exit.Code
			}
			assert.Equal(t, c.code, code)
			out.await(t, "because the mount may show an older state for up to 1 s; "+c.note)
			errOut.await(t, "the journal is read again for up to 2 s, because the mount may show an older state for up to 1 s")
		})
	}
}

func TestVerify_BundleMayBePacked(t *testing.T) {
	content, _ := writeJournal(t)
	b, err := bundle.ReadFolder(writeBundle(t, samples.Pass()))
	require.NoError(t, err)
	packed, err := b.Pack()
	require.NoError(t, err)
	result, err := b.File(bundle.ResultFile)
	require.NoError(t, err)
	journal := save(t, "j", content)
	for _, file := range []string{save(t, "b.tar.gz", packed), save(t, "result.json", result)} {
		code, out, errOut := execute(t, "verify", "--journal", journal, "--bundle", file)
		assert.Equal(t, terminal.ExitFail, code, errOut)
		assert.Contains(t, out, "foreign", "the run has another journal")
	}
	code, _, errOut := execute(t, "verify", "--journal", journal, "--bundle", journal)
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "want a folder with an evidence bundle, a packed bundle")
}

// Otherwise the records of the last writers would be those of epochs that were not started.
func TestFromCell_CountsTheWritersWithOnlyTheMainFacts(t *testing.T) {
	c := samples.ManyDeletions(300).Cells[0]
	writers := len(c.Epochs)
	c.ShortenEpochs(c.Acks)
	require.Less(t, len(c.Epochs), writers)
	assert.Equal(t, writers, fromCell(c).Epochs)
}

func TestVerify_CellIsNamedOnlyIfItHasAName(t *testing.T) {
	content, ack := writeJournal(t)
	ledgers := func(names ...string) string {
		var all []bundle.Ledger
		for i, name := range names {
			id := fmt.Sprintf("%016x", i)
			all = append(all, bundle.Ledger{
				Cell: name, Journal: journal.Format{ID: id, RecordSize: 256}, Epochs: 1, Acks: []ledger.Ack{ack},
			})
		}
		encoded, err := json.Marshal(all)
		require.NoError(t, err)
		return save(t, "ledger.json", encoded)
	}
	for _, c := range []struct {
		ledger, cell, want string
	}{
		{ledgers(""), "fast", "--cell fast: the tested cell has no name: omit --cell"},
		{ledgers("", "control"), "fast", "--cell fast: the tested cell has no name: omit --cell"},
		{ledgers("fast", "slow"), "other", "--cell other: want one of fast, slow"},
		{ledgers("fast", "slow"), "", "--cell is required, because the journal has no record that names its cell: " +
			"want one of fast, slow"},
	} {
		code, _, errOut := execute(t, "verify", "--journal", save(t, "j", content), "--ledger", c.ledger, "--cell", c.cell)
		assert.Equal(t, terminal.ExitError, code)
		assert.Contains(t, errOut, c.want)
	}
}

func TestVerify_AcceptsTheOutputOfTheHelper(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	writer := exec.Command(os.Args[0],
		"write", "--file", path, "--journal", format.ID, "--record-size", "256", "--rate", "1000")
	writer.Env = append(os.Environ(), helperInChild+"=1")
	output, err := writer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, writer.Start())
	var printed strings.Builder
	lines := bufio.NewScanner(io.TeeReader(output, &printed))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "ack ") {
			require.NoError(t, writer.Process.Signal(syscall.SIGTERM))
		}
	}
	require.NoError(t, writer.Wait())
	file := save(t, "acks", []byte(printed.String()))
	for _, flag := range []string{"--acks", "--ledger"} {
		code, out, errOut := execute(t, "verify", "--journal", path, flag, file)
		assert.Equal(t, terminal.ExitOK, code, errOut)
		assert.Regexp(t, "acknowledged records? (is|are) intact", out)
	}
}

func TestVerify_SaysThatTheStorageDoesNotAnswer(t *testing.T) {
	_, ack := writeJournal(t)
	path, respond := filepath.Join(t.TempDir(), "logs.log"), make(chan struct{})
	var errOut syncBuffer
	v := &verifyCommand{
		streams: Streams{Out: io.Discard, ErrOut: &errOut}, stallTimeout: time.Millisecond, journal: path,
		ledger: ledger.Token{Format: format, Ack: ack}.String(),
		open: func(string) (journalFile, error) {
			<-respond
			return nil, syscall.ESTALE
		},
		mountOf: mountOf,
	}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- v.execute(ctx) }()
	errOut.await(t, "opening "+path+" has not returned for 1ms\n")
	interrupt()
	assert.ErrorIs(t, <-ended, context.Canceled)
	close(respond) // the abandoned call returns
	errOut.await(t, "opening "+path+" returned after ")
}

func TestCell_IsNamedByWhatTheTableShows(t *testing.T) {
	for _, r := range []result.Result{samples.Pass(), samples.Matrix()} {
		folder := writeBundle(t, r)
		journal := save(t, "j", nil)
		for _, c := range r.Tested() {
			if len(c.Acks) == 0 {
				continue
			}
			name := c.DisplayName()
			middle := len(name) / 2
			for _, typed := range []string{name, name[:middle] + "…" + name[middle+1:]} {
				code, out, errOut := execute(t, "report", folder, "--cell", typed)
				assert.Equal(t, terminal.ExitOK, code, errOut)
				assert.Contains(t, out, name)
				for _, from := range [][]string{{"--bundle", folder}, {"--ledger", filepath.Join(folder, "ledger.json")}} {
					args := append([]string{"verify", "--journal", journal, "--cell", typed, "-o", "json"}, from...)
					_, out, errOut = execute(t, args...)
					assert.Contains(t, out, fmt.Sprintf("%q: %q", "cell", name), errOut)
				}
			}
		}
	}
}

func TestCell_SuggestsCells(t *testing.T) {
	folder := writeBundle(t, samples.Matrix())
	name := samples.Matrix().Cells[0].DisplayName()
	for _, args := range [][]string{
		{"report", folder}, {"report", "trend", folder}, {"verify", "--journal", save(t, "j", nil), "--bundle", folder},
	} {
		code, _, errOut := execute(t, append(args, "--cell", strings.Replace(name, "/", "", 1))...)
		assert.Equal(t, terminal.ExitError, code)
		assert.Contains(t, errOut, "did you mean "+name)
		assert.NotContains(t, errOut, "--help")
	}
	code, _, errOut := execute(t, "report", folder, "--cell", "…")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "--cell … stands for ")
}
