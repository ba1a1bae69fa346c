//go:build linux || darwin

package localcmd

import (
	"io"
	"os"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// mistakes returns the error of local with these arguments, which must be invalid.
func mistakes(t *testing.T, args ...string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	c := New(io.Discard, io.Discard)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(args)
	err := c.Execute()
	require.Error(t, err)
	left, readErr := os.ReadDir(".")
	require.NoError(t, readErr)
	assert.Empty(t, left, "the mistake was found before anything was written")
	return err.Error()
}

func TestLocal_RejectsValuesOfSeveralCells(t *testing.T) {
	text := mistakes(t, t.TempDir(), "--write-pattern", "append,overwrite", "--required-evidence", "reattached")
	assert.Contains(t, text, `--write-pattern "append,overwrite": want one pattern`)
	assert.Contains(t, text, `--required-evidence "reattached": want remounted or lower`)
}

func TestLocal_RejectsAnEmptyPath(t *testing.T) {
	assert.Contains(t, mistakes(t, ""), "the path is empty")
}

func TestLocal_ReportsHowManyArgumentsItNeeds(t *testing.T) {
	assert.Equal(t, "want one folder or block device, got 0 arguments", mistakes(t))
}

func TestLocal_NamesFlagsInMistakes(t *testing.T) {
	text := mistakes(t, t.TempDir(), "--min-rate", "200", "--chaos-interval", "1-2")
	assert.Contains(t, text, `--min-rate "200": want less than --write-rate, which is 100`)
	assert.Contains(t, text, `--randomness "false": want true if --chaos-interval is a range`)
}

func TestLocal_HasNoLimitOfAClaim(t *testing.T) {
	c := New(io.Discard, io.Discard)
	var flags optionFlags
	flags.addTo(c.Flags(), nil)
	flags.value["WRITE_OBJECTS"] = &optionFlag{value: "1048576"}
	flags.value["WRITE_PATTERN"] = &optionFlag{value: "overwrite"}
	flags.value["RECORD_SIZE"] = &optionFlag{value: "65536"}
	_, err := flags.parse()
	assert.NoError(t, err)
}

func TestLocal_KeepsFewFilesByDefaultIfThePatternRemovesThem(t *testing.T) {
	for name, objects := range map[pattern.Name]uint64{pattern.Overwrite: 1024, pattern.Remove: 32} {
		var flags optionFlags
		flags.addTo(pflag.NewFlagSet("local", pflag.ContinueOnError), runOptions())
		flags.value["WRITE_PATTERN"].value = string(name)
		v, err := flags.parse()
		require.NoError(t, err)
		assert.Equal(t, objects, v.Layout(options.CellSpec{WritePattern: name}).Objects, name)
	}
}

func TestCheckDevicePattern_RejectsPatternsThatNeedAFilesystem(t *testing.T) {
	for _, name := range pattern.Names() {
		err := checkDevicePattern(options.Values{WritePatterns: []pattern.Name{name}})
		assert.Equal(t, name.SupportsBlockDevice(), err == nil, name)
	}
}

func TestLocal_NamesOnlyTheEvidenceLevelsThatItReaches(t *testing.T) {
	text := mistakes(t, t.TempDir(), "--required-evidence", "reatached")
	assert.Equal(t, `--required-evidence "reatached": want one of none, read-back, uncached, remounted`, text)
	text = mistakes(t, t.TempDir(), "--required-evidence", "remountd")
	assert.Contains(t, text, "did you mean remounted?")
}
