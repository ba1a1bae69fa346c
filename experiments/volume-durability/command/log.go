package command

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// newLog returns the log of the program, which also receives the messages of client-go.
func newLog(out io.Writer, level logrus.Level) *logrus.Logger {
	log := terminal.NewLog(out, level)
	log.SetFormatter(&logrus.TextFormatter{
		FullTimestamp: true, TimestampFormat: time.RFC3339Nano, DisableColors: true,
	})
	klog.SetLogger(funcr.New(klogSink(log), funcr.Options{}))
	return log
}

// newTerminalLog returns a log for a terminal, which shows no timestamps and names flags.
func newTerminalLog(out io.Writer, level logrus.Level) *logrus.Logger {
	log := newLog(out, level)
	log.SetFormatter(terminal.LogFormatter{Edit: options.UseFlags})
	return log
}

// klogSink writes the messages of client-go to the log.
func klogSink(log *logrus.Logger) func(prefix, args string) {
	return func(_, args string) {
		level := logrus.WarnLevel
		if strings.Contains(args, context.Canceled.Error()) {
			level = logrus.DebugLevel // a watch that is no longer needed
		}
		log.Log(level, args)
	}
}
