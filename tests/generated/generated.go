// Package generated checks that generated files and sections of documents are up to date. With the flag -update, the
// tests write them instead.
package generated

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the generated files and sections that the tests check")

// CheckSection compares the section of a file between the comments <!-- name --> and <!-- /name --> with its expected
// content.
func CheckSection(t testing.TB, file, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	CheckMatch(t, file, regexp.MustCompile(`(?s)`+begin+`.*`+end), begin+want+end)
}

// CheckMatch compares the part of a file that an expression matches with its expected content.
func CheckMatch(t testing.TB, file string, section *regexp.Regexp, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, section.Match(content), "%s has no section %s", file, section)
	CheckFile(t, file, section.ReplaceAllLiteralString(string(content), want))
}

// CheckFile compares a file with its expected content.
func CheckFile(t testing.TB, file, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n"))
	assert.Empty(t, diff, "%s: run this test with -update", file)
}
