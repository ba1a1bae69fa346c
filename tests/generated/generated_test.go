package generated

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder records that a check has failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }

const document = "before\n<!-- table -->\n| a |\n<!-- /table -->\nafter\n"

func documentFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "document.md")
	require.NoError(t, os.WriteFile(file, []byte(document), 0o600))
	return file
}

// setUpdate sets the flag -update for one test.
func setUpdate(t *testing.T, to bool) {
	t.Helper()
	before := *update
	*update = to
	t.Cleanup(func() { *update = before })
}

func TestCheckSection_ComparesTheSection(t *testing.T) {
	setUpdate(t, false)
	file := documentFile(t)
	CheckSection(t, file, "table", "| a |\n")

	r := &recorder{TB: t}
	CheckSection(r, file, "table", "| b |\n")
	assert.True(t, r.failed, "the section differs")
}

func TestCheckSection_UpdateWritesTheSectionAlone(t *testing.T) {
	setUpdate(t, true)
	file := documentFile(t)
	CheckSection(t, file, "table", "| b |\n")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- table -->\n| b |\n<!-- /table -->\nafter\n", string(content))
}
