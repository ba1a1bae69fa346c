//go:build linux || darwin

package volume

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCreate_RefusesAnExistingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	require.NoError(t, os.WriteFile(path, []byte("other data"), 0o600))
	_, err := Create(path)
	require.ErrorIs(t, err, fs.ErrExist)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "other data", string(content))
}

func TestOpenAppend_WritesAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	for _, line := range []string{"one\n", "two\n"} {
		f, err := OpenAppend(path)
		require.NoError(t, err)
		_, err = f.Write([]byte(line))
		require.NoError(t, err)
		require.NoError(t, f.Datasync())
		require.NoError(t, f.Close())
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", string(content))
}

func TestOpenAppend_RefusesAFolder(t *testing.T) {
	_, err := OpenAppend(t.TempDir())
	assert.Error(t, err)
}
