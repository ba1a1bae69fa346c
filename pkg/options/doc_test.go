package options

import (
	"fmt"
	"strings"
	"testing"

	"github.com/volume-durability/volume-durability/tests/generated"
)

// markdown returns the table of options for the documentation.
func markdown() string {
	var b strings.Builder
	b.WriteString("| option | default | meaning |\n|---|---|---|\n")
	for _, o := range Table() {
		value := ""
		if o.Default != "" {
			value = "`" + o.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Name, value, o.Doc)
	}
	return b.String()
}

func TestTable_IsInTheDocumentation(t *testing.T) {
	generated.CheckSection(t, "../../docs/options.md", "options", markdown())
}
