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

// newLog is the one log of the program; what client-go says on its own goes into it too.
func newLog(out io.Writer, level logrus.Level) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(out)
	log.SetLevel(level)
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: time.RFC3339Nano, DisableColors: true})
	klog.SetLogger(funcr.New(kubernetesSays(log), funcr.Options{}))
	return log
}

// newPersonsLog is a log that a person reads beside other things.
func newPersonsLog(out io.Writer, level logrus.Level) *logrus.Logger {
	log := newLog(out, level)
	log.SetFormatter(brief{})
	return log
}

// brief writes an entry as a line without its time.
type brief struct{}

// Format writes an entry.
func (brief) Format(e *logrus.Entry) ([]byte, error) {
	var line strings.Builder
	fmt.Fprintf(&line, "%s: %s", e.Level, e.Message)
	for _, key := range slices.Sorted(maps.Keys(e.Data)) {
		fmt.Fprintf(&line, "; %s %v", key, e.Data[key])
	}
	line.WriteString("\n")
	return []byte(line.String()), nil
}

// kubernetesSays takes what client-go says on its own into the one log.
func kubernetesSays(log *logrus.Logger) func(prefix, args string) {
	return func(_, args string) {
		level := logrus.WarnLevel
		if strings.Contains(args, context.Canceled.Error()) {
			level = logrus.DebugLevel // a watch that has seen what it waited for
		}
		log.Log(level, args)
	}
}

func levels() []string { return []string{"error", "warning", "info", "debug", "trace"} }

// levelFlag is --log-level.
type levelFlag struct{ logrus.Level }

func (l *levelFlag) Set(value string) error {
	level, err := logrus.ParseLevel(value)
	if err != nil {
		return fmt.Errorf("want one of %s", strings.Join(levels(), ", "))
	}
	l.Level = level
	return nil
}

func (*levelFlag) Type() string { return "level" }

func (l *levelFlag) String() string { return l.Level.String() }

func (l *levelFlag) addTo(flags *pflag.FlagSet) {
	l.Level = logrus.WarnLevel
	flags.Var(l, "log-level", "what of the log to show on standard error: "+strings.Join(levels(), ", "))
}
