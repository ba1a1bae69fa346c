package reread

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const (
	// firstPause is the time before the second read. Each later pause is twice as long as the one before.
	firstPause = time.Second
	// margin is added to the time for which the client caches, which it measures in ticks of its own.
	margin = time.Second
)

// Reading is how a journal is read, and what it should contain.
type Reading[T any] struct {
	// Path is that of the journal.
	Path string
	// Read reads the journal.
	Read func() (T, error)
	// Present reports whether a scan that Read returned found a journal.
	Present func(T) bool
	// Expected returns what a scan that Read returned is judged by.
	Expected func(T) judge.Input
	// MountOf returns the mount that holds a path.
	MountOf func(string) (protocol.Mount, error)
	// Announce is called before the journal is read again. It may be nil.
	Announce func(protocol.Rereading)
}

// Do reads the journal. If an older state of the volume explains all that is wrong with what it found, it reads the
// journal again until this is no longer so, or until the client no longer caches what it knew at the first read. It
// returns the last scan, and nil if the first read was the only one, or if the last read failed with an error that an
// older state does not explain.
//
// If the context ends before the finding is certain, Do returns its error: the scan may be of an older state.
func (r Reading[T]) Do(ctx context.Context) (T, *protocol.Reread, error) {
	found, err := r.Read()
	limit := r.doubt(found, err)
	if limit == 0 {
		return found, nil, err
	}
	if r.Announce != nil {
		r.Announce(protocol.Rereading{CacheSeconds: limit.Seconds(), Seconds: (limit + margin).Seconds()})
	}
	began := time.Now()
	done := &protocol.Reread{CacheSeconds: limit.Seconds()}
	// A read that began while the client cached may have used the cache until its end.
	for pause, start := firstPause, time.Duration(0); start < limit+margin; pause *= 2 {
		if waitErr := wait(ctx, min(pause, limit+margin-time.Since(began))); waitErr != nil {
			return found, nil, fmt.Errorf("waiting to read %s again, because the mount caches for up to %s: %w",
				r.Path, limit, waitErr)
		}
		start = time.Since(began)
		done.Reads, done.Seconds = done.Reads+1, start.Seconds()
		found, err = r.Read()
		if err != nil && !isStaleHandle(err) {
			return found, nil, err
		}
		findings := r.findings(found, err)
		done.Settled = err == nil && len(findings) == 0
		if err == nil && !isOlderState(findings) {
			break
		}
	}
	return found, done, err
}

// doubt returns for how long the outcome of a read may be due to the cache of the client; 0 if it is certain. It
// judges what was found only if the mount may have hidden it: that takes time and memory.
func (r Reading[T]) doubt(found T, err error) time.Duration {
	if err != nil && !isStaleHandle(err) {
		return 0
	}
	mount, mountErr := r.mount()
	if mountErr != nil {
		return 0 // the caller looks the mount up too
	}
	cache := CacheOf(mount)
	limit := cache.Contents
	if err != nil || !r.Present(found) {
		limit = max(cache.Names, cache.Contents)
	}
	if limit == 0 || err == nil && !isOlderState(r.findings(found, nil)) {
		return 0
	}
	return limit
}

// isStaleHandle reports whether a name leads to a file that was removed.
func isStaleHandle(err error) bool { return errors.Is(err, syscall.ESTALE) }

// findings returns what is wrong with a scan. A read that failed has no scan.
func (r Reading[T]) findings(found T, err error) []judge.Finding {
	if err != nil {
		return nil
	}
	return judge.Judge(r.Expected(found)).Findings
}

// isOlderState reports whether there are findings, and an earlier name, list or length explains all of them. It does
// not explain damage, which another read must not hide.
func isOlderState(findings []judge.Finding) bool {
	return len(findings) > 0 && !slices.ContainsFunc(findings, func(f judge.Finding) bool {
		switch f.Class {
		case judge.Missing, judge.LostTail, judge.RolledBack, judge.Stale, judge.Misdirected, judge.Resurrected:
			return false
		default:
			return true
		}
	})
}

// mount returns the mount of the journal, or of the closest folder above it that exists.
func (r Reading[T]) mount() (protocol.Mount, error) {
	for path := r.Path; ; path = filepath.Dir(path) {
		mount, err := r.MountOf(path)
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return mount, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
