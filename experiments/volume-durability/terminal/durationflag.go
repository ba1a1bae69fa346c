package terminal

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// durationFlag is a duration that is read like those of the options: seconds, or a number with a unit.
type durationFlag struct {
	value   *time.Duration
	minimum time.Duration
}

// AddDuration adds a flag for a duration, with its default and the minimum that it accepts.
func AddDuration(
	flags *pflag.FlagSet, value *time.Duration, name string, fallback, minimum time.Duration, usage string,
) {
	*value = fallback
	flags.Var(durationFlag{value, minimum}, name, usage+"; seconds, or a duration such as 2m")
}

// Set parses a duration.
func (f durationFlag) Set(value string) (err error) {
	d, err := options.ParseDuration(value, f.minimum)
	if err == nil {
		*f.value = d
	}
	return wantError(err)
}

// Type implements pflag.Value.
func (durationFlag) Type() string { return "duration" }

func (f durationFlag) String() string {
	if f.value == nil || *f.value == 0 {
		return ""
	}
	return f.value.String()
}
