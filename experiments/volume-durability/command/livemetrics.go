package command

import (
	"context"
	"sync/atomic"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/metrics"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// liveMetrics serves the figures of a run until it is closed. The zero value serves nothing.
type liveMetrics struct {
	// tracker is nil until the run starts.
	tracker atomic.Pointer[metrics.Tracker]
	server  *metrics.Server
}

// noFigures is OpenMetrics text without any metric.
const noFigures = "# EOF\n"

// listen starts the server, if the run has an address for it. There are no figures until the run starts.
func (l *liveMetrics) listen(ctx context.Context, opts options.Values) error {
	address := opts.MetricsAddress
	if address == "" {
		return nil
	}
	server, err := metrics.Serve(ctx, address, l.text)
	if err != nil {
		return options.InvalidValueError{
			Name: options.MetricsAddressOption, Value: address,
			Want: "an address on which the program can listen: " + err.Error(),
		}
	}
	l.server = server
	return nil
}

func (l *liveMetrics) text() []byte {
	if tracker := l.tracker.Load(); tracker != nil {
		return tracker.Text()
	}
	return []byte(noFigures)
}

// start serves the figures of a run, if there is a server. It wraps the hooks of the run.
func (l *liveMetrics) start(ctx context.Context, spec *runSpec) {
	if l.server == nil {
		return
	}
	kubernetes := "" // if it cannot be read now, it is unknown until the run ends
	if spec.cluster.client != nil {
		kubernetes = spec.run().Kube.Version(ctx)
	}
	tracker := metrics.NewTracker(spec.hooks, terminal.BuildInfo("").Version, kubernetes)
	l.tracker.Store(tracker)
	spec.hooks = tracker
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
	if tracker := l.tracker.Load(); tracker != nil {
		tracker.Finish(outcome)
	}
}

func (l *liveMetrics) close() error {
	if l.server == nil {
		return nil
	}
	return l.server.Close()
}
