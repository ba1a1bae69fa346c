//go:build linux

package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// opener puts a program that opens pages on the PATH, and returns the folder of temporary files. An empty script means
// that there is no program.
func opener(t *testing.T, script string) (temporary string) {
	t.Helper()
	programs, temporary := t.TempDir(), t.TempDir()
	if script != "" {
		content := []byte("#!/bin/sh\n" + script + "\n")
		require.NoError(t, os.WriteFile(filepath.Join(programs, "xdg-open"), content, 0o700))
	}
	t.Setenv("PATH", programs)
	t.Setenv("TMPDIR", temporary)
	return temporary
}

func TestReportOpen_WithoutABrowserSaysWhatToDo(t *testing.T) {
	one, two := writeBundle(t, samples.Pass()), writeBundle(t, samples.Fail())
	for name, script := range map[string]string{
		"no program": "", "no display": "echo not found; echo cannot open display >&2; exit 3",
	} {
		t.Run(name, func(t *testing.T) {
			temporary := opener(t, script)
			code, _, errOut := execute(t, "report", "open", one)
			assert.Equal(t, terminal.ExitError, code)
			assert.Contains(t, errOut, "To fix this: open this file in a browser: "+filepath.Join(one, "report.html")+"\n")
			code, _, errOut = execute(t, "report", "open", one, two)
			assert.Equal(t, terminal.ExitError, code)
			assert.Contains(t, errOut, "To fix this: write the page to a file, and open that in a browser: "+
				"volume-durability report "+one+" "+two+" -o html --to report.html\n")
			if script != "" {
				assert.Contains(t, errOut, "exit status 3: cannot open display. To fix this")
			}
			left, err := os.ReadDir(temporary)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestReportOpen_KeepsThePageForTheBrowser(t *testing.T) {
	temporary := opener(t, "exit 0")
	one, two := writeBundle(t, samples.Pass()), writeBundle(t, samples.Fail())
	code, _, errOut := execute(t, "report", "open", one, two)
	assert.Equal(t, terminal.ExitOK, code, errOut)
	pages, err := filepath.Glob(filepath.Join(temporary, "*", "report.html"))
	require.NoError(t, err)
	require.Len(t, pages, 1)
	assert.Contains(t, errOut, "Opening "+pages[0])
}
