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

var update = flag.Bool("update", false, "write the table of inputs into the README")

// markdown is the table as the README shows it.
func markdown() string {
	var b strings.Builder
	b.WriteString("| name | default | meaning |\n|---|---|---|\n")
	for _, i := range Table() {
		value := ""
		if i.Default != "" {
			value = "`" + i.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", i.Name, value, i.Doc)
	}
	return b.String()
}

func TestTheREADMEShowsTheTableOfInputs(t *testing.T) {
	const file = "../../README.md"
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	section := regexp.MustCompile(`(?s)<!-- inputs -->\n.*<!-- /inputs -->`)
	require.True(t, section.Match(content))
	want := section.ReplaceAllLiteralString(string(content), "<!-- inputs -->\n"+markdown()+"<!-- /inputs -->")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(content), "go test ./pkg/options -update writes it")
}
