package options

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

var update = flag.Bool("update", false, "write the table of options into docs/options.md")

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
	const file = "../../docs/options.md"
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	section := regexp.MustCompile(`(?s)<!-- options -->\n.*<!-- /options -->`)
	require.True(t, section.Match(content))
	want := section.ReplaceAllLiteralString(string(content), "<!-- options -->\n"+markdown()+"<!-- /options -->")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(content), "go test ./pkg/options -update writes it")
}
