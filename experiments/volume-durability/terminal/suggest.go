package terminal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// minLongWord is the number of letters from which two of them may be mistyped.
const minLongWord = 5

// Suggestion returns the end of an error about a mistyped word: the candidates that are similar to it. It returns an
// empty string if there is none.
func Suggestion(typed string, candidates []string) string {
	// cobra measures how similar words are, for commands only. Two changes make a different word of a short one.
	similar := &cobra.Command{SuggestionsMinimumDistance: 2}
	if len(strings.TrimLeft(typed, "-")) < minLongWord {
		similar.SuggestionsMinimumDistance = 1
	}
	for _, c := range candidates {
		similar.AddCommand(&cobra.Command{Use: c, Run: func(*cobra.Command, []string) {}})
	}
	// Upper case does not count as a difference.
	names := slices.DeleteFunc(similar.SuggestionsFor(typed), func(name string) bool { return name == typed })
	if len(names) == 0 || typed == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", strings.Join(names, " or "))
}

// SuggestValue returns the end of an error about an invalid value of an option, as Suggestion does.
func SuggestValue(invalid options.InvalidValueError) string {
	var valid []string
	for _, option := range options.Table() {
		if option.Name == invalid.Name {
			valid = option.Suggestions
		}
	}
	for item := range strings.SplitSeq(invalid.Value, ",") {
		if item = strings.TrimSpace(item); !slices.Contains(valid, item) {
			if suggestion := Suggestion(item, valid); suggestion != "" {
				return suggestion
			}
		}
	}
	return ""
}

// wantError returns what a flag wants instead of its value.
func wantError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("want %w", err)
}

// oneOf returns an error unless a value is one of the choices.
func oneOf(value string, choices []string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("want one of %s%s", strings.Join(choices, ", "), Suggestion(value, choices))
}

// SuggestFlags adds the flags that may have been meant to an error about an unknown flag.
func SuggestFlags(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			names = append(names, "--"+f.Name)
		}
	})
	return fmt.Errorf("%w%s", err, Suggestion("--"+unknown.GetSpecifiedName(), names))
}

// SubcommandOnly rejects arguments of a command that only has subcommands, and suggests which one may have been meant.
func SubcommandOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), Suggestion(args[0], names))
}
