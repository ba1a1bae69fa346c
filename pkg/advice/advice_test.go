package advice_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

func TestSentence_EndsAMessage(t *testing.T) {
	assert.Equal(t, "it is full. To fix this: make room", "it is full"+advice.Sentence("make room"))
	assert.Equal(t, "it is full", "it is full"+advice.Sentence(""))
}

func TestAfter_AddsNoSecondFullStop(t *testing.T) {
	for _, message := range []string{"it is full", "it is full."} {
		assert.Equal(t, "it is full. To fix this: make room", message+advice.After(message, "make room"))
		assert.Equal(t, message, message+advice.After(message, ""))
	}
}

func TestIsIn_FindsAdvice(t *testing.T) {
	assert.True(t, advice.IsIn("it is full"+advice.Sentence("make room")))
	assert.False(t, advice.IsIn("it is full"))
}

// The prefix has one home, so that it can be recognised wherever it was added.
func TestPrefix_IsWrittenOnlyHere(t *testing.T) {
	var copies []string
	for _, root := range []string{"..", "../../experiments"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") ||
				filepath.Base(filepath.Dir(path)) == "advice" {
				return err
			}
			source, err := os.ReadFile(path)
			if strings.Contains(string(source), strings.TrimSpace(advice.Prefix)) {
				copies = append(copies, path)
			}
			return err
		})
		require.NoError(t, err)
	}
	assert.Empty(t, copies, "use advice.Sentence")
}
