package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// cleanupTimeout bounds what is done after a run was interrupted.
const cleanupTimeout = 20 * time.Second

// cleanUp ends the running writer and removes what the run created. It returns what could not be removed.
func (s *execution) cleanUp(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	s.closeWatch()
	if w := s.writer; w != nil {
		if err := errors.Join(w.signal(syscall.SIGKILL), w.await(ctx)); err != nil {
			return fmt.Sprintf("process %d and %s: %v", w.cmd.Process.Pid, s.Target.Journal, err)
		}
	}
	if s.Target.Device || s.Options.Keep && s.cell.Verdict != judge.Stopped || len(s.cell.Epochs) == 0 {
		return ""
	}
	return s.remove(ctx)
}

// remove removes the journal and its folder with a helper. If the storage does not respond, a helper that hangs can be
// left behind; this process could not end.
func (s *execution) remove(ctx context.Context) string {
	command := append(slices.Clone(s.Helper), "remove", "--file", s.Target.Journal)
	p, err := helperRun{command: command}.start(ctx, &s.ledger)
	if err == nil {
		err = p.await(ctx)
	}
	switch {
	case err != nil:
		return fmt.Sprintf("%s: %v", s.Target.Folder(), err)
	case p.err != nil:
		return fmt.Sprintf("%s: %s", s.Target.Folder(), p.stderr.String())
	}
	return ""
}
