package command

import (
	"context"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/metrics"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// liveMetrics serves the figures of a run until it is closed. The zero value serves nothing.
type liveMetrics struct {
	tracker *metrics.Tracker
	server  *metrics.Server
}

// start serves the figures of a run, if the run has an address for them. It wraps the hooks of the run.
func (l *liveMetrics) start(ctx context.Context, spec *runSpec) error {
	address := spec.options.MetricsAddress
	if address == "" {
		return nil
	}
	l.tracker = metrics.NewTracker(spec.hooks, terminal.BuildInfo("").Version)
	server, err := metrics.Serve(ctx, address, l.tracker.Text)
	if err != nil {
		return options.InvalidValueError{
			Name: options.MetricsAddressOption, Value: address,
			Want: "an address on which the program can listen: " + err.Error(),
		}
	}
	l.server, spec.hooks = server, l.tracker
	return nil
}

// url returns where the figures are served; empty if they are not.
func (l *liveMetrics) url() string {
	if l.server == nil {
		return ""
	}
	return "http://" + l.server.Address.String() + metrics.Path
}

// finish serves the figures of the result from now on.
func (l *liveMetrics) finish(outcome result.Result) {
	if l.tracker != nil {
		l.tracker.Finish(outcome)
	}
}

func (l *liveMetrics) close() error {
	if l.server == nil {
		return nil
	}
	return l.server.Close()
}
