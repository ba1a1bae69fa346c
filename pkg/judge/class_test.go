package judge

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

var update = flag.Bool("update", false, "write the table of classes into docs/verdicts.md")

func TestClasses_AllHaveADescriptionOfTheirOwn(t *testing.T) {
	all := []Class{
		Missing, LostTail, LostGap, Corrupt, Torn, Reordered, Duplicated, RolledBack, Foreign, Unavailable, ReadOnly,
	}
	assert.Equal(t, all, Classes())
	seen := map[string]Class{}
	for _, c := range Classes() {
		assert.NotEmpty(t, c.Description(), c)
		assert.NotContains(t, seen, c.Description(), c)
		seen[c.Description()] = c
	}
	assert.Empty(t, Class("unknown").Description())
}

func TestClasses_DocumentationListsThem(t *testing.T) {
	const file = "../../docs/verdicts.md"
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	section := regexp.MustCompile(`(?s)<!-- classes -->\n.*<!-- /classes -->`)
	require.True(t, section.Match(content), "%s has no section for the classes", file)
	want := section.ReplaceAllLiteralString(string(content), "<!-- classes -->\n"+classTable()+"<!-- /classes -->")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(content), "run go test ./pkg/judge -update")
}

// classTable returns the table of classes in docs/verdicts.md.
func classTable() string {
	var b strings.Builder
	b.WriteString("\n| class | meaning |\n|---|---|\n")
	for _, c := range Classes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c, c.Description())
	}
	b.WriteString("\n")
	return b.String()
}
