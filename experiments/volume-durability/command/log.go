package command

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
)

// newLog returns the log of the program, which also receives the messages of client-go.
func newLog(out io.Writer, level logrus.Level) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(out)
	log.SetLevel(level)
	log.SetFormatter(&logrus.TextFormatter{
		FullTimestamp: true, TimestampFormat: time.RFC3339Nano, DisableColors: true,
	})
	klog.SetLogger(funcr.New(klogSink(log), funcr.Options{}))
	return log
}

// newTerminalLog returns a log for a terminal, which shows no timestamps.
func newTerminalLog(out io.Writer, level logrus.Level) *logrus.Logger {
	log := newLog(out, level)
	log.SetFormatter(terminalFormatter{})
	return log
}

// terminalFormatter formats an entry as "level: message; key value".
type terminalFormatter struct{}

func (terminalFormatter) Format(e *logrus.Entry) ([]byte, error) {
	var line strings.Builder
	fmt.Fprintf(&line, "%s: %s", e.Level, e.Message)
	for _, key := range slices.Sorted(maps.Keys(e.Data)) {
		fmt.Fprintf(&line, "; %s %v", key, e.Data[key])
	}
	line.WriteString("\n")
	return []byte(line.String()), nil
}

// klogSink writes the messages of client-go to the log.
func klogSink(log *logrus.Logger) func(prefix, args string) {
	return func(_, args string) {
		level := logrus.WarnLevel
		if strings.Contains(args, context.Canceled.Error()) {
			level = logrus.DebugLevel // a watch that is not needed any more
		}
		log.Log(level, args)
	}
}

func logLevels() []string { return []string{"error", "warning", "info", "debug", "trace"} }

// levelFlag is --log-level.
type levelFlag struct{ logrus.Level }

func (l *levelFlag) Set(value string) error {
	level, err := logrus.ParseLevel(value)
	if err != nil {
		return fmt.Errorf("want one of %s", strings.Join(logLevels(), ", "))
	}
	l.Level = level
	return nil
}

func (*levelFlag) Type() string { return "level" }

func (l *levelFlag) String() string { return l.Level.String() }

func (l *levelFlag) addTo(flags *pflag.FlagSet) {
	l.Level = logrus.WarnLevel
	flags.Var(l, "log-level", "minimum level of the log messages on standard error: "+strings.Join(logLevels(), ", "))
}
