package main

import (
	"io"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// stallAfter is how long the volume may keep one call waiting before that is
// said. It is far above what a busy disk takes, and far below the time that a run
// gives a pod.
const stallAfter = 5 * time.Second

// patience says of a call to the volume that it does not come back. A process
// that waits for a hung volume can be neither ended nor asked: it has to say so
// beforehand.
type patience struct {
	out   io.Writer
	after time.Duration
}

// during makes a call, and says so if it takes long.
func (p patience) during(doing string, call func() error) error {
	var said sync.WaitGroup
	said.Add(1)
	began := time.Now()
	timer := time.AfterFunc(p.after, func() {
		defer said.Done()
		// What cannot be said is lost: the call is what matters.
		_ = protocol.Write(p.out, protocol.Message{Stall: &protocol.Stall{Op: doing, Seconds: p.after.Seconds()}})
	})
	err := call()
	if !timer.Stop() {
		said.Wait()
		_ = protocol.Write(p.out, protocol.Message{Stall: &protocol.Stall{Op: doing, Seconds: time.Since(began).Seconds(), Ended: true}})
	}
	return err
}

// patientFile is a journal's file of which each call is watched.
type patientFile struct {
	journal.File
	patience
	path string
}

func (f patientFile) Write(b []byte) (n int, err error) {
	err = f.during("writing "+f.path, func() error {
		n, err = f.File.Write(b)
		return err
	})
	return n, err
}

func (f patientFile) Datasync() error { return f.during("syncing "+f.path, f.File.Datasync) }

// patientReader is a reader of which each call is watched.
type patientReader struct {
	io.Reader
	patience
	path string
}

func (r patientReader) Read(b []byte) (n int, err error) {
	err = r.during("reading "+r.path, func() error {
		n, err = r.Reader.Read(b)
		return err
	})
	return n, err
}

// oneAtATime lets several goroutines say their statements whole.
type oneAtATime struct {
	mu  sync.Mutex
	out io.Writer
}

func (o *oneAtATime) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.out.Write(b)
}
