//go:build linux || darwin

package command

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// newFIFO creates a FIFO with a name in a new folder. No process opens its other end.
func newFIFO(t *testing.T, name string) string {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), name)
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	return fifo
}

func TestExecute_RejectsFilesThatAreNotRegular(t *testing.T) {
	fifo := newFIFO(t, "ff")
	content, ack := writeJournal(t)
	token, log := ledger.Token{Format: format, Ack: ack}.String(), save(t, "logs.log", content)
	const kind = "it is a FIFO, not a regular file"
	wantBundle := fifo + ": want a folder with an evidence bundle, a packed bundle (.tar.gz) or a result.json: "
	wantInput := fifo + ": want a file, or '-' for standard input: " + kind
	for want, args := range map[string][]string{
		"error: " + wantBundle + kind:         {"report", fifo},
		"it is a character device, not a":     {"report", "/dev/zero"},
		"error: --bundle: " + wantBundle:      {"verify", "--journal", log, "--bundle", fifo},
		"error: --acks: " + wantInput:         {"verify", "--journal", log, "--acks", fifo},
		"error: --ledger: " + wantInput:       {"verify", "--journal", log, "--ledger", fifo},
		"it is a folder, not a regular file":  {"verify", "--journal", log, "--ledger", "/dev"},
		"error: --journal: " + fifo + " is a": {"verify", "--journal", fifo, "--ledger", token},
		"error: --journal /dev is a folder":   {"verify", "--journal", "/dev", "--ledger", token},
	} {
		code, out, errOut := execute(t, args...)
		assert.Equal(t, terminal.ExitError, code, args)
		assert.Empty(t, out, args)
		assert.Contains(t, errOut, want, args)
	}
}

func TestVerify_RejectsAJournalThatIsNotRegularForSeveralCells(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bundle")
	b, err := bundle.Make(samples.Fail(), bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, b.Write(folder))
	fifo := newFIFO(t, "ff")
	code, _, errOut := execute(t, "verify", "--journal", fifo, "--bundle", folder)
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, fifo+" is a FIFO: want a regular file or a block device")
}

func TestLocalBundles_IgnoresAManifestThatIsAFIFO(t *testing.T) {
	manifest := newFIFO(t, bundle.ManifestFile)
	listed, err := localBundles(filepath.Dir(filepath.Dir(manifest)))
	require.NoError(t, err)
	assert.Empty(t, listed)
}

func TestReadFileOrStdin_FollowsALinkToAFile(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(save(t, "acks", []byte("text")), link))
	content, err := readFileOrStdin(context.Background(), nil, link)
	require.NoError(t, err)
	assert.Equal(t, "text", string(content))
}

func TestReadTemplates_RejectFIFOs(t *testing.T) {
	fifo := newFIFO(t, "template")
	_, err := readClaimTemplate(fifo)
	assert.ErrorContains(t, err, "want a readable file: it is a FIFO, not a regular file")
	_, err = readPodTemplate(options.Values{PodTemplate: fifo})
	assert.ErrorContains(t, err, "want a readable file: it is a FIFO, not a regular file")
}
