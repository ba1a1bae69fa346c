package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/preflight"
)

func TestCheckTable_ColoursDoNotChangeTheColumns(t *testing.T) {
	checks := []preflight.Check{
		{Status: preflight.Passed, Name: "API server", Message: "m"}, {Status: preflight.Failed, Name: "quota", Message: "m"},
		{Status: preflight.Warning, Name: "nodes", Message: "m"},
	}
	plain := checkTable(checks, false, 0)
	colored := checkTable(checks, style.Palette(true), 0)
	assert.Contains(t, colored, "\x1b[31m✗ failed \x1b[0m")
	noColor := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "")
	assert.Equal(t, plain, noColor.Replace(colored))
}

func TestCheckTable_WrapsMessagesUnderThemselves(t *testing.T) {
	checks := []preflight.Check{
		{Status: preflight.Warning, Name: "nodes", Message: strings.TrimSpace(strings.Repeat("word ", 30))},
	}
	lines := strings.Split(checkTable(checks, false, 60), "\n")
	assert.Equal(t, "! warning  nodes  word word word word word word word word", lines[0])
	assert.Equal(t, strings.Repeat(" ", 18)+"word word word word word word word word", lines[1])
	assert.Equal(t, "! warning  nodes  "+checks[0].Message, strings.Split(checkTable(checks, false, 0), "\n")[0])
}

func TestDoctor_NamesFlags(t *testing.T) {
	checks := []preflight.Check{
		{Name: "READER_NODE n1", Message: "no such node. To fix this: set READER_NODE to one of: n2"},
	}
	assert.Equal(t, []preflight.Check{
		{Name: "--reader-node n1", Message: "no such node. To fix this: set --reader-node to one of: n2"},
	}, nameFlags(checks))
}
