package local

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

const (
	// visibleInterval is the time between two looks for the journal.
	visibleInterval = 100 * time.Millisecond
	// targetTimeout limits how long the journal is looked for at its own path, where nothing delays it.
	targetTimeout = 2 * time.Second
)

// awaitVisible waits until the journal can be seen through --read-from. Otherwise the path leads to other storage, and
// the reader would report a healthy volume as empty. A network filesystem may show a new file late.
//
// awaitVisible does not check a remote path. It returns no error if the journal cannot be seen at its own path
// either, because that is a loss.
func (s *execution) awaitVisible(ctx context.Context) error {
	if s.ReadFrom == "" || s.Remote != nil {
		return nil
	}
	timeout := s.Options.StatusTimeout
	if s.awaitJournal(ctx, s.ReadFrom, timeout) {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !s.isAtTarget(ctx) {
		return nil
	}
	return fmt.Errorf("--read-from: the journal %s was not visible at %s within %s: give another mount of the storage "+
		"that holds %s, or a longer --status-check-timeout if that mount shows new files later",
		s.Target.Journal, s.ReadFrom, timeout, s.Target.Path)
}

// isAtTarget reports whether the journal is at the path to which the writers wrote it.
func (s *execution) isAtTarget(ctx context.Context) bool {
	return s.awaitJournal(ctx, s.Target.Journal, targetTimeout)
}

// awaitJournal reports whether the journal is found at a path in time. A call to storage that does not respond is
// abandoned.
func (s *execution) awaitJournal(ctx context.Context, path string, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found := make(chan struct{})
	go func() {
		tick := time.NewTicker(visibleInterval)
		defer tick.Stop()
		for !s.isJournal(path) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		close(found)
	}()
	select {
	case <-found:
		return true
	case <-ctx.Done():
		return false
	}
}

// isJournal reports whether the journal of the run is at a path. The folder of the run has a unique name, so a file
// that exists is the journal. On a device, the first record that was written has the journal's ID.
func (s *execution) isJournal(path string) bool {
	if !s.Target.Device {
		_, err := os.Stat(path)
		return err == nil
	}
	offset, err := s.firstRecordOffset()
	if err != nil {
		return false
	}
	record, err := volume.ReadRange(path, offset, int64(s.cell.Journal.RecordSize))
	return err == nil && bytes.Contains(record, []byte(s.cell.Journal.ID))
}

// firstRecordOffset returns the offset of the first record that the run writes to a device.
func (s *execution) firstRecordOffset() (int64, error) {
	if !s.cell.Layout.Pattern.HasObjects() {
		return 0, nil
	}
	model, err := pattern.NewModel(s.cell.Journal, s.cell.Layout)
	if err != nil {
		return 0, err
	}
	return model.Offset(model.Written(journal.Point{Epoch: 1, Seq: 1}), int64(s.cell.Journal.RecordSize)), nil
}
