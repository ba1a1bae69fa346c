package helper

import (
	"io"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// stallWatch reports calls to the volume that do not return. It reports them
// without being asked: a process that is blocked in such a call cannot be killed or queried.
type stallWatch struct {
	out     io.Writer
	timeout time.Duration
}

// watch makes a call, and reports a Stall if the call takes longer than the timeout.
func (w stallWatch) watch(op string, call func() error) error {
	report := func(elapsed time.Duration, ended bool) {
		w.report(protocol.Stall{Op: op, Seconds: elapsed.Seconds(), Ended: ended})
	}
	return volume.WatchCall(w.timeout, report, call)
}

// report ignores errors: the outcome of the call matters more than the report.
func (w stallWatch) report(stall protocol.Stall) {
	_ = protocol.Write(w.out, protocol.Message{Stall: &stall})
}

// watchedFile is a journal's file whose calls are watched.
type watchedFile struct {
	journal.File
	stallWatch
	path string
}

func (f watchedFile) Write(b []byte) (n int, err error) {
	err = f.watch("writing "+f.path, func() error {
		n, err = f.File.Write(b)
		return err
	})
	return n, err
}

func (f watchedFile) Datasync() error { return f.watch("syncing "+f.path, f.File.Datasync) }

// watchedReader is a reader whose calls are watched.
type watchedReader struct {
	io.Reader
	stallWatch
	path string
}

func (r watchedReader) Read(b []byte) (n int, err error) {
	err = r.watch("reading "+r.path, func() error {
		n, err = r.Reader.Read(b)
		return err
	})
	return n, err
}

// syncWriter serializes writes, so that messages of several goroutines do not mix.
type syncWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *syncWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}
