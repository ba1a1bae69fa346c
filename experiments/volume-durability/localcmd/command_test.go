//go:build linux || darwin

package localcmd

import (
	"bytes"
	"io"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// help returns the help of the command local, or of one of its subcommands.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	c := New(io.Discard, io.Discard)
	c.SetOut(&out)
	c.SetArgs(append(args, "--help"))
	require.NoError(t, c.Execute())
	return out.String()
}

// listed matches the line of the help that describes a flag.
func listed(flag string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^ +(-\w, )?--` + flag + `[ [].*$`)
}

func TestHelp_GroupsAllFlags(t *testing.T) {
	text := help(t)
	var at []int
	for _, group := range []string{"Flags", optionsHeading, "Between writer and reader"} {
		heading := "\n" + group + ":\n"
		require.Contains(t, text, heading)
		at = append(at, strings.Index(text, heading))
	}
	assert.IsIncreasing(t, at)
	New(io.Discard, io.Discard).Flags().VisitAll(func(f *pflag.Flag) {
		assert.Len(t, listed(f.Name).FindAllString(text, -1), 1, f.Name)
	})
	general, fromRun, between := text[at[0]:at[1]], text[at[1]:at[2]], text[at[2]:]
	groups := map[string]string{"acks": general, "graceful": general, "force": fromRun, "between": between}
	for flag, group := range groups {
		assert.Regexp(t, listed(flag), group)
	}
	assert.NotContains(t, text, "  helper", "a hidden command")
}

func TestHelp_OfAStepHasItsOwnFlags(t *testing.T) {
	assert.Contains(t, help(t, "write"), "--duration ")
	for _, step := range []string{"write", "read"} {
		text := help(t, step)
		assert.Contains(t, text, "--record-size ")
		assert.NotContains(t, text, "--between")
	}
}

func TestVersion_OnlyOfTheRootCommand(t *testing.T) {
	var out bytes.Buffer
	c := New(io.Discard, io.Discard)
	c.SetOut(&out)
	c.SetArgs([]string{"--version"})
	require.NoError(t, c.Execute())
	assert.Contains(t, out.String(), "volume-durability ")
	assert.Contains(t, out.String(), "\nplatform  "+runtime.GOOS+"/"+runtime.GOARCH+"\n")
	assert.Nil(t, New(io.Discard, io.Discard, "local").Flags().Lookup("version"))
}
