package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/preflight"
)

func TestCheckTable_ColoursDoNotChangeTheColumns(t *testing.T) {
	checks := []preflight.Check{
		{Status: preflight.Passed, Name: "API server", Message: "m"}, {Status: preflight.Failed, Name: "quota", Message: "m"},
		{Status: preflight.Warning, Name: "nodes", Message: "m"},
	}
	plain, err := checkTable(checks, false)
	require.NoError(t, err)
	colored, err := checkTable(checks, style.Palette(true))
	require.NoError(t, err)
	assert.Contains(t, colored, "\x1b[31m✗ failed\x1b[0m")
	noColor := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "")
	assert.Equal(t, plain, noColor.Replace(colored))
}
