package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/tests/samples"
)

type memory struct{ bytes.Buffer }

func (*memory) Datasync() error { return nil }

var format = journal.Format{ID: "0123456789abcdef", Size: 256}

// written is a journal of 100 records and what was promised of it.
func written(t *testing.T) (content []byte, promised ledger.Ack) {
	t.Helper()
	var file memory
	w, err := journal.NewWriter(&file, format, 1, 0, false)
	require.NoError(t, err)
	last, err := w.Commit(100, time.Now)
	require.NoError(t, err)
	return file.Bytes(), ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Sum}
}

func save(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file
}

func TestAJournalIsHeldToALedger(t *testing.T) {
	content, promised := written(t)
	token := ledger.Token{Format: format, Ack: promised}.String()
	ledgers, err := json.Marshal([]bundle.Ledger{
		{Cell: "other", Journal: journal.Format{ID: "fedcba9876543210", Size: 256}, Epochs: 1, Acks: []ledger.Ack{promised}},
		{Cell: "mine", Journal: format, Epochs: 1, Acks: []ledger.Ack{promised}},
	})
	require.NoError(t, err)
	whole, cut := save(t, "whole.log", content), save(t, "cut.log", content[:50*format.Size])
	for _, l := range []string{token, save(t, "token", []byte(token+"\n")), save(t, "ledger.json", ledgers)} {
		code, out, _ := execute(t, "verify", "--journal", whole, "--ledger", l)
		assert.Equal(t, Kept, code)
		assert.Contains(t, out, "all 100 acknowledged records are there")
		assert.Contains(t, out, fmt.Sprintf("SHA-256   %x", sha256.Sum256(content)))

		code, out, _ = execute(t, "verify", "--journal", cut, "--ledger", l, "-o", "json")
		assert.Equal(t, Lost, code)
		var found verification
		require.NoError(t, json.Unmarshal([]byte(out), &found))
		require.Len(t, found.Judgement.Findings, 1)
		assert.Equal(t, judge.LostTail, found.Judgement.Findings[0].Class)
		assert.Equal(t, uint64(50), found.Judgement.Findings[0].Records)
	}
	code, out, _ := execute(t, "verify", "--journal", whole, "--ledger", save(t, "ledger.json", ledgers), "--cell", "other")
	assert.Equal(t, Lost, code, "another run's data is foreign")
	assert.Contains(t, out, "foreign")
}

func TestAJournalThatDoesNotSayWhoseItIsIsThatOfTheOneUnderTest(t *testing.T) {
	_, promised := written(t)
	ledgers, err := json.Marshal([]bundle.Ledger{
		{Journal: format, Epochs: 1, Acks: []ledger.Ack{promised}},
		{Cell: "control", Journal: journal.Format{ID: "fedcba9876543210", Size: 256}, Epochs: 1, Acks: []ledger.Ack{promised}},
	})
	require.NoError(t, err)
	code, out, said := execute(t, "verify", "--journal", save(t, "empty.log", nil), "--ledger", save(t, "ledger.json", ledgers))
	assert.Equal(t, Lost, code, said)
	assert.Contains(t, out, "the journal is empty")
	assert.Contains(t, out, format.ID)
}

func TestEvidenceOfNoCellIsSaidToBe(t *testing.T) {
	content, _ := written(t)
	for _, from := range [][]string{{"--ledger", save(t, "l", []byte("[]"))}, {"--bundle", evidenceOf(t, samples.NotApplicable())}} {
		code, _, said := execute(t, append([]string{"verify", "--journal", save(t, "j", content)}, from...)...)
		assert.Equal(t, Unknown, code)
		assert.Contains(t, said, "the evidence is of no cell")
	}
}

func TestALedgerThatNobodyWroteIsRefused(t *testing.T) {
	content, promised := written(t)
	negative := promised
	negative.Epoch = -1
	ledgers, err := json.Marshal([]bundle.Ledger{{Cell: "c", Journal: format, Acks: []ledger.Ack{negative}}})
	require.NoError(t, err)
	code, out, said := execute(t, "verify", "--journal", save(t, "j", content), "--ledger", save(t, "ledger.json", ledgers))
	assert.Equal(t, Unknown, code)
	assert.Empty(t, out)
	assert.Contains(t, said, `cell "c": invalid ledger: acknowledgement of epoch -1`)
}

// A ledger alone holds a journal to no more than a run's own reader did.
func TestALedgerKnowsOfWritersThatWereNotHeardAndOfThoseAtOnce(t *testing.T) {
	unheard := func(t *testing.T) (*memory, []ledger.Ack) {
		file := &memory{}
		promised := commit(t, writer(t, file, 1), 10)
		commit(t, writer(t, file, 2), 10)
		return file, []ledger.Ack{promised}
	}
	atOnce := func(t *testing.T) (*memory, []ledger.Ack) {
		file := &memory{}
		first := writer(t, file, 1)
		commit(t, first, 5)
		second := commit(t, writer(t, file, 2), 5)
		return file, []ledger.Ack{commit(t, first, 5), second}
	}
	for name, c := range map[string]struct {
		made   func(t *testing.T) (*memory, []ledger.Ack)
		epochs int
		forced bool
		code   int
	}{
		"a writer that was not heard":     {unheard, 2, false, Kept},
		"one that there never was":        {unheard, 1, false, Lost},
		"nobody says how many there were": {unheard, 0, false, Unknown},
		"two at once":                     {atOnce, 2, true, Kept},
		"two that cannot have been":       {atOnce, 2, false, Lost},
		"fewer than were acknowledged":    {atOnce, 1, true, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			file, promises := c.made(t)
			ledgers, err := json.Marshal([]bundle.Ledger{{Journal: format, Epochs: c.epochs, Forced: c.forced, Acks: promises}})
			require.NoError(t, err)
			code, out, said := execute(t, "verify", "--journal", save(t, "j", file.Bytes()), "--ledger", save(t, "ledger.json", ledgers))
			assert.Equal(t, c.code, code, out+said)
		})
	}
}

func writer(t *testing.T, file *memory, epoch int) *journal.Writer {
	t.Helper()
	w, err := journal.NewWriter(file, format, epoch, int64(file.Len()), false)
	require.NoError(t, err)
	return w
}

func commit(t *testing.T, w *journal.Writer, records int) ledger.Ack {
	t.Helper()
	last, err := w.Commit(records, time.Now)
	require.NoError(t, err)
	return ledger.Ack{Point: journal.Point{Epoch: last.Epoch, Seq: last.Seq}, Digest: last.Sum}
}

func TestWhatCannotBeToldIsCode2(t *testing.T) {
	content, promised := written(t)
	token := ledger.Token{Format: format, Ack: promised}.String()
	for _, args := range [][]string{
		{"--journal", "none", "--ledger", token},
		{"--journal", save(t, "j", content), "--ledger", token[:len(token)-1]},
		{"--journal", save(t, "j", content), "--ledger", save(t, "l", []byte(`[]`))},
		{"--journal", save(t, "j", content), "--bundle", t.TempDir()},
	} {
		code, out, said := execute(t, append([]string{"verify"}, args...)...)
		assert.Equal(t, Unknown, code, args)
		assert.Empty(t, out)
		assert.NotEmpty(t, said)
	}
}

func TestAJournalOnADeviceEndsWhereNothingWasWritten(t *testing.T) {
	content, promised := written(t)
	token := ledger.Token{Format: format, Ack: promised}.String()
	image := append(bytes.Clone(content), make([]byte, 1<<20)...)
	code, out, _ := execute(t, "verify", "--device", "--journal", save(t, "disk.img", image), "--ledger", token, "-o", "json")
	assert.Equal(t, Kept, code)
	var found verification
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	assert.Equal(t, int64(len(content)), found.Report.Bytes, "the rest of the device is none of the journal's")

	clear(image[4096 : 2*4096]) // within what was promised zeros are a loss
	code, out, _ = execute(t, "verify", "--device", "--journal", save(t, "disk.img", image), "--ledger", token, "-o", "json")
	assert.Equal(t, Lost, code)
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	assert.Equal(t, uint64(100-4096/256), found.Judgement.Intact, "they are no end before all that was promised")
}
