package judge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/tests/generated"
)

func TestClasses_AllHaveADescriptionOfTheirOwn(t *testing.T) {
	all := []Class{
		Missing, LostTail, LostGap, Corrupt, Torn, Reordered, Duplicated, RolledBack, Stale, Misdirected, Resurrected,
		Foreign, Unavailable, ReadOnly, TooSlow,
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
	generated.CheckSection(t, "../../docs/verdicts.md", "classes", classTable())
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
