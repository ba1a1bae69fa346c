package terminal

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFormatFlag_TextIsTheDefault(t *testing.T) {
	var format FormatFlag
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	format.AddTo(flags, FormatJSON)
	require.NoError(t, flags.Parse([]string{"-o", "json", "-o", "text"}))
	assert.Empty(t, format.Value)
	assert.ErrorContains(t, flags.Parse([]string{"-o", "plain"}), "want one of text, json")
}
