package volume

import (
	"sync"
	"time"
)

// StallTimeout is how long a call to a volume may take before it is reported as stalled. It is far above the latency of
// a busy disk, and far below the time that a run gives a pod.
const StallTimeout = 5 * time.Second

// WatchCall makes a call to a volume. If the call takes longer than the timeout, it calls report with the time so far
// while the call is in progress, and again when the call has ended.
func WatchCall(timeout time.Duration, report func(elapsed time.Duration, ended bool), call func() error) error {
	var reported sync.WaitGroup
	reported.Add(1)
	start := time.Now()
	timer := time.AfterFunc(timeout, func() {
		defer reported.Done()
		report(timeout, false)
	})
	err := call()
	if !timer.Stop() {
		reported.Wait()
		report(time.Since(start), true)
	}
	return err
}
