package provenance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/volume-durability/volume-durability/tests/generated"
)

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
	generated.CheckSection(t, "../../docs/evidence.md", "levels", levelTable())
}
