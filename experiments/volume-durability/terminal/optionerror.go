package terminal

import (
	"errors"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// FlagName returns the name of an option's flag: STORAGE_CLASS is storage-class.
func FlagName(option string) string { return strings.ReplaceAll(strings.ToLower(option), "_", "-") }

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
