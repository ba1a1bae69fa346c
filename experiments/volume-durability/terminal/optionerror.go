package terminal

import (
	"errors"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// UseFlags replaces the names of options in an error by their flags. describe returns the error for an option with an
// invalid value.
func UseFlags(err error, describe func(options.InvalidValueError) error) error {
	return replaceErrors(err, describe, func(other error) error {
		text := options.UseFlags(other.Error())
		if text == other.Error() {
			return other
		}
		return renamedError{other, text}
	})
}

// renamedError is an error with another text.
type renamedError struct {
	error
	text string
}

func (e renamedError) Error() string { return e.text }

func (e renamedError) Unwrap() error { return e.error }

// ReplaceInvalid replaces each InvalidValueError in err with the error that describe returns for it. Other errors
// stay as they are.
func ReplaceInvalid(err error, describe func(options.InvalidValueError) error) error {
	return replaceErrors(err, describe, func(other error) error { return other })
}

func replaceErrors(err error, describe func(options.InvalidValueError) error, other func(error) error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, replaceErrors(one, describe, other))
		}
		return errors.Join(all...)
	}
	var p options.InvalidValueError
	if errors.As(err, &p) {
		return describe(p)
	}
	return other(err)
}
