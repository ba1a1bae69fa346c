package terminal

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// NewLog returns a log for a terminal, which shows no timestamps and names flags.
func NewLog(out io.Writer, level logrus.Level) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(style.Wrapping(out))
	log.SetLevel(level)
	log.SetFormatter(LogFormatter{Edit: options.UseFlags})
	return log
}

// LogFormatter formats an entry as "level: message; key value".
type LogFormatter struct {
	// Edit changes the text of each line; nil for no change.
	Edit func(string) string
}

// Format implements logrus.Formatter.
func (f LogFormatter) Format(e *logrus.Entry) ([]byte, error) {
	var line strings.Builder
	fmt.Fprintf(&line, "%s: %s", e.Level, e.Message)
	for _, key := range slices.Sorted(maps.Keys(e.Data)) {
		separator := " "
		if key == logrus.ErrorKey {
			separator = ": " // an error is a sentence of its own
		}
		fmt.Fprintf(&line, "; %s%s%v", key, separator, e.Data[key])
	}
	line.WriteString("\n")
	if f.Edit != nil {
		return []byte(f.Edit(line.String())), nil
	}
	return []byte(line.String()), nil
}

// LogLevels returns the values of --log-level.
func LogLevels() []string { return []string{"error", "warning", "info", "debug", "trace"} }

// LevelFlag is --log-level.
type LevelFlag struct{ logrus.Level }

// Set parses a level.
func (l *LevelFlag) Set(value string) error {
	level, err := logrus.ParseLevel(value)
	if err != nil {
		return oneOf(value, LogLevels())
	}
	l.Level = level
	return nil
}

// Type implements pflag.Value.
func (*LevelFlag) Type() string { return "level" }

func (l *LevelFlag) String() string { return l.Level.String() }

// AddTo adds the flag.
func (l *LevelFlag) AddTo(flags *pflag.FlagSet) {
	l.Level = logrus.WarnLevel
	flags.Var(l, "log-level", "minimum level of the log messages on standard error: "+strings.Join(LogLevels(), ", "))
}
