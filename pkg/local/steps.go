package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// Journal describes the journal of the run.
func (r Run) Journal() protocol.Journal {
	cell := r.newExecution().cell
	return protocol.Journal{Format: cell.Journal, Layout: cell.Layout, Path: r.Target.Journal}
}

var errSending = errors.New("sending an acknowledgement")

// Write runs one writer until ctx ends and keeps its journal. onAck is called with each
// acknowledgement; its error ends the writer. It returns the number of acknowledged records.
func (r Run) Write(ctx context.Context, onAck func(ledger.Ack) error) (uint64, error) {
	s := r.newExecution()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p, err := helperRun{command: s.writerCommand(1, nil), onAck: func(a ledger.Ack) {
		if err := onAck(a); err != nil {
			cancel(fmt.Errorf("%w: %w", errSending, err))
		}
	}}.start(context.WithoutCancel(ctx), &s.ledger)
	if err != nil {
		return 0, err
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		err = p.signal(syscall.SIGTERM)
		ending, stop := context.WithTimeout(context.WithoutCancel(ctx), r.Options.StatusTimeout)
		defer stop()
		err = errors.Join(err, p.await(ending))
	}
	if op := p.OpError(); op != nil {
		err = errors.Join(err, *op)
	} else if ctx.Err() == nil {
		err = errors.Join(err, p.Err())
	} else if cause := context.Cause(ctx); errors.Is(cause, errSending) {
		err = errors.Join(err, cause)
	}
	return s.ledger.Records(), err
}

// Found is a journal in a folder, and what a scan found in it.
type Found struct {
	Path string              `json:"journal"`
	Scan protocol.ScanResult `json:"scan"`
}

// ReadOptions are what the writers of journals have used, and the time that reading a journal may take.
type ReadOptions struct {
	// ID is the ID of the journal to read; empty for all journals.
	ID         string
	RecordSize int
	// Acks are the highest acknowledgement of each epoch, if they are known.
	Acks []ledger.Ack
	// Layout is the write pattern and its objects.
	Layout  pattern.Layout
	Timeout time.Duration
	// Announce is called before a journal is read again.
	Announce func(protocol.Rereading)
}

// Read scans the journals that runs have left in a folder. Helper is the command that runs
// the helper.
func Read(ctx context.Context, helper []string, folder string, reading ReadOptions) ([]Found, error) {
	id := cmp.Or(reading.ID, "*")
	paths, err := filepath.Glob(filepath.Join(folder, volume.FolderPrefix+id, journalName))
	if err != nil {
		return nil, fmt.Errorf("looking for journals in %s: %w", folder, err)
	}
	if _, err := os.Stat(folder); err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s has no journal: want a folder with a folder %s%s", folder, volume.FolderPrefix, id)
	}
	var all []Found
	for _, path := range paths {
		id := strings.TrimPrefix(filepath.Base(filepath.Dir(path)), volume.FolderPrefix)
		scan, err := scanJournal(ctx, helper, path, id, reading)
		if err != nil {
			return all, fmt.Errorf("reading %s: %w", path, err)
		}
		all = append(all, Found{path, *scan})
	}
	return all, nil
}

func scanJournal(ctx context.Context, helper []string, path, id string, r ReadOptions) (*protocol.ScanResult, error) {
	f := journal.Format{ID: id, RecordSize: r.RecordSize}
	if err := errors.Join(f.Validate(), r.Layout.Validate(), checkPattern(path, r.Layout)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("it took longer than %s", r.Timeout))
	defer cancel()
	s := execution{Run: Run{Target: Target{Journal: path}}}
	s.cell.Journal, s.cell.Layout = f, r.Layout
	for _, ack := range r.Acks {
		if err := s.ledger.Add(ack); err != nil {
			return nil, err
		}
	}
	p, err := helperRun{
		command: s.command(helper, path, "read", s.ledger.Acks()), announce: r.Announce,
	}.start(context.WithoutCancel(ctx), &s.ledger)
	if err != nil {
		return nil, err
	}
	scan, err := p.AwaitScan(ctx)
	if err != nil {
		return nil, errors.Join(err, p.signal(syscall.SIGKILL))
	}
	return scan, p.await(ctx)
}

// checkPattern returns an error if a journal is a folder although the write pattern needs a file, or the reverse.
func checkPattern(path string, layout pattern.Layout) error {
	info, err := os.Stat(path)
	wants := slices.DeleteFunc(pattern.Names(), func(n pattern.Name) bool {
		return n.IsFolder() == layout.Pattern.IsFolder()
	})
	switch {
	case err != nil:
		return nil // the helper reports it
	case info.IsDir() && !layout.Pattern.IsFolder():
		return fmt.Errorf("it is a folder, but the write pattern %s needs a file: want the write pattern of its writer, "+
			"one of %s", layout.Pattern, pattern.List(wants))
	case !info.IsDir() && layout.Pattern.IsFolder():
		return fmt.Errorf("it is a file, but the write pattern %s needs a folder: want the write pattern of its writer, "+
			"one of %s", layout.Pattern, pattern.List(wants))
	default:
		return nil
	}
}
