package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

const (
	journalID = "0123456789abcdef"
	// groupBytes is the size of a group commit: the largest that the helper writes.
	groupBytes = 1 << 20
	// blockBytes is the block size of reading alone and of checksums alone.
	blockBytes = 256 << 10
	giga       = 1e9
)

// recordSizes are the measured sizes of records, in bytes.
var recordSizes = []int{256, 4096}

// timed measures the rate of work, which returns the amount that it did.
func timed(work func() (float64, error)) (sample, error) {
	began, cpu := time.Now(), processorTime()
	done, err := work()
	return sample{rate: done / time.Since(began).Seconds(), perCPU: done / (processorTime() - cpu).Seconds()}, err
}

func processorTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// interruptible reads until the context ends.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r interruptible) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// scan measures a scan of a whole journal, in GB/s.
func scan(ctx context.Context, file io.Reader, recordSize int) (sample, error) {
	return timed(func() (float64, error) {
		report, err := journal.Scan(interruptible{ctx, file}, journal.Format{ID: journalID, RecordSize: recordSize}, nil)
		if err == nil && (len(report.Segments) != 1 || len(report.Damage) > 0) {
			err = errors.New("the journal is damaged")
		}
		return float64(report.Bytes) / giga, err
	})
}

func scanCached(path string, recordSize int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		file, err := os.Open(path)
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		return scan(ctx, file, recordSize)
	}
}

// scanDirectly measures what the reader does in a run: a scan past the page cache, and the SHA-256. They use two cores.
func scanDirectly(path string, recordSize int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		file, err := volume.OpenReader(path)
		if err != nil {
			return sample{}, err
		}
		tee := volume.NewTee(file, sha256.New())
		defer func() { err = errors.Join(err, tee.Close(), file.Close()) }()
		return scan(ctx, tee, recordSize)
	}
}

func readAlone(path string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		file, err := os.Open(path)
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		return timed(func() (float64, error) {
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, interruptible{ctx, file}, make([]byte, blockBytes))
			return float64(n) / giga, err
		})
	}
}

// checksumAlone measures CRC-32C over pieces of a block in memory, for a number of bytes
// in total.
func checksumAlone(bytes int64, piece int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		castagnoli := crc32.MakeTable(crc32.Castagnoli)
		block := make([]byte, blockBytes)
		return timed(func() (float64, error) {
			for done := int64(0); done < bytes; done += blockBytes {
				for at := 0; at < len(block); at += piece {
					crc32.Checksum(block[at:at+piece], castagnoli)
				}
			}
			return float64(bytes) / giga, ctx.Err()
		})
	}
}

// sha256Alone measures a SHA-256 over a block in memory, for a number of bytes in total.
func sha256Alone(bytes int64) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		block, sum := make([]byte, blockBytes), sha256.New()
		return timed(func() (float64, error) {
			for done := int64(0); done < bytes; done += blockBytes {
				sum.Write(block)
			}
			return float64(bytes) / giga, ctx.Err()
		})
	}
}

// commitsToDisk measures n commits to a new file, in commits per second. The Go runtime uses at least two processors in
// a container with a CPU limit.
func (p plan) commitsToDisk(n, records, recordSize int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		path := filepath.Join(p.dir, "ours")
		file, err := volume.Create(path)
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, file.Close(), os.Remove(path)) }()
		return commit(ctx, file, n, records, recordSize)
	}
}

// manyCommitsToDisk measures writers that each do n commits of one record to a new file of their own at the same time,
// in commits per second. Each has its own processor of the Go scheduler, as the process of a pod does: a writer that
// waits for a sync does not stop another one.
func (p plan) manyCommitsToDisk(writers, n, recordSize int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(writers))
		folder, err := os.MkdirTemp(p.dir, "writers")
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		files := make([]*volume.File, writers)
		for i := range files {
			if files[i], err = volume.Create(filepath.Join(folder, strconv.Itoa(i))); err != nil {
				return sample{}, err
			}
			defer func() { err = errors.Join(err, files[i].Close()) }()
		}
		return timed(func() (float64, error) {
			group, ctx := errgroup.WithContext(ctx)
			for _, file := range files {
				group.Go(func() error {
					_, err := commit(ctx, file, n, 1, recordSize)
					return err
				})
			}
			return float64(writers * n), group.Wait()
		})
	}
}

func commit(ctx context.Context, file journal.File, n, records, recordSize int) (sample, error) {
	w, err := journal.NewWriter(file, journal.Format{ID: journalID, RecordSize: recordSize}, 1, 0, false)
	if err != nil {
		return sample{}, err
	}
	return timed(func() (float64, error) {
		for range n {
			if _, err := w.Commit(records, time.Now); err != nil {
				return 0, err
			}
			if err := ctx.Err(); err != nil {
				return 0, err
			}
		}
		return float64(n), nil
	})
}

// discard is a file that discards what is written to it.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Datasync() error             { return nil }

// unsynced is a file whose owner syncs it once, at the end.
type unsynced struct{ *os.File }

func (unsynced) Datasync() error { return nil }

// writeJournal writes a journal to read. Afterwards it is in the page cache.
func writeJournal(ctx context.Context, path string, recordSize int, bytes int64) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := commit(ctx, unsynced{file}, int(bytes/groupBytes), groupBytes/recordSize, recordSize); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}
