package terminal

import (
	"errors"
	"regexp"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// FlagName returns the name of an option's flag: STORAGE_CLASS is storage-class.
func FlagName(option string) string { return strings.ReplaceAll(strings.ToLower(option), "_", "-") }

// FlagNames replaces the names of options in a text by their flags, which flagName names.
func FlagNames(text string, flagName func(option string) string) string {
	flags := map[string]string{}
	for _, option := range options.Table() {
		flags[option.Name] = "--" + flagName(option.Name)
	}
	return optionName.ReplaceAllStringFunc(text, func(word string) string {
		if flag := flags[word]; flag != "" {
			return flag
		}
		return word
	})
}

// optionName matches every name of an option, and other words in upper case.
var optionName = regexp.MustCompile(`\b[A-Z][A-Z0-9_]+\b`)

// ReplaceInvalid replaces each InvalidValueError in err with the error that describe returns for it. Other errors
// stay as they are.
func ReplaceInvalid(err error, describe func(options.InvalidValueError) error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, ReplaceInvalid(one, describe))
		}
		return errors.Join(all...)
	}
	var p options.InvalidValueError
	if errors.As(err, &p) {
		return describe(p)
	}
	return err
}
