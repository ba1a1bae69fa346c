package provenance

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of evidence levels to docs/evidence.md")

// levelTable returns the evidence levels as a table in Markdown.
func levelTable() string {
	var b strings.Builder
	b.WriteString("| level | what it shows | what it does not show |\n|---|---|---|\n")
	for _, level := range Levels() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", level, level.Description(), level.Limitation())
	}
	return b.String()
}

func TestDocs_ListTheLevels(t *testing.T) {
	const file, begin, end = "../../docs/evidence.md", "<!-- levels -->\n", "<!-- /levels -->"
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	section := regexp.MustCompile(`(?s)` + begin + `.*` + end)
	require.True(t, section.Match(content), "%s has no section for the levels", file)
	want := section.ReplaceAllLiteralString(string(content), begin+levelTable()+end)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(content), "go test ./pkg/provenance -update writes it")
}
