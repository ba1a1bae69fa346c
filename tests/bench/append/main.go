// Command append measures the scanner and the writer of the write pattern append, on request.
// Command before compiles it with an earlier state of the project, so it uses only what that state has, too.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

const (
	journalID = "0123456789abcdef"
	// groupBytes is the size of a group commit.
	groupBytes = 1 << 20
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "append:", err)
		os.Exit(1)
	}
}

func run() error {
	folder := flag.String("folder", os.TempDir(), "folder of the journals")
	size := flag.Int("size", 16, "size of each journal, in MiB")
	commits := flag.Int("commits", 50, "number of commits with one record each")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	measurements := map[string]func() (float64, error){}
	for _, recordSize := range []int{256, 4096} {
		format := journal.Format{ID: journalID, RecordSize: recordSize}
		toScan := filepath.Join(*folder, fmt.Sprint("journal-", recordSize))
		if err := prepare(toScan, format, *size); err != nil {
			return err
		}
		add := func(what string, measure func() (float64, error)) {
			measurements[fmt.Sprintf("%s, records of %d B", what, recordSize)] = measure
		}
		add("write 1 MiB per commit, MiB/s", func() (float64, error) {
			return writeAndRemove(toScan+"-written", format, *size, groupBytes/recordSize)
		})
		add("write one record per commit, records/s", func() (float64, error) {
			return writeAndRemove(toScan+"-written", format, *commits, 1)
		})
		add("scan, MiB per processor second", func() (float64, error) { return scan(toScan, format, *size) })
		add("encode, MiB per processor second", func() (float64, error) { return encode(format, *size) })
	}
	return serve(measurements)
}

// serve prints the names of the measurements. Then it reads names, one per line, and prints a rate for each.
func serve(measurements map[string]func() (float64, error)) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(slices.Sorted(maps.Keys(measurements))); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		measure, known := measurements[lines.Text()]
		if !known {
			return fmt.Errorf("unknown measurement %q", lines.Text())
		}
		rate, err := measure()
		if err != nil {
			return err
		}
		if err := out.Encode(rate); err != nil {
			return err
		}
	}
	return nil
}

// prepare writes the journal to scan, unless the other program has written it: both must scan the same file.
func prepare(path string, format journal.Format, size int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	_, err := write(path, format, size, groupBytes/format.RecordSize)
	return err
}

func writeAndRemove(path string, format journal.Format, n, records int) (float64, error) {
	rate, err := write(path, format, n, records)
	return rate, errors.Join(err, os.Remove(path))
}

// write measures n commits of a number of records to a new file, in commits per second.
func write(path string, format journal.Format, n, records int) (rate float64, err error) {
	file, err := volume.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w, err := journal.NewWriter(file, format, 1, 0, false)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for range n {
		if _, err := w.Commit(records, time.Now); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// discard is a file that discards what is written to it.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Datasync() error             { return nil }

// encode measures writing without a file, in MiB per second of processor time.
func encode(format journal.Format, size int) (rate float64, err error) {
	w, err := journal.NewWriter(discard{}, format, 1, 0, false)
	if err != nil {
		return 0, err
	}
	began := processorTime()
	for range size {
		if _, err := w.Commit(groupBytes/format.RecordSize, time.Now); err != nil {
			return 0, err
		}
	}
	return float64(size) / (processorTime() - began).Seconds(), nil
}

func processorTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// scan measures a scan of a journal of a size in MiB, which is in the page cache, in MiB per second of processor time.
func scan(path string, format journal.Format, size int) (rate float64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	began := processorTime()
	report, err := journal.Scan(file, format, nil)
	if err == nil && (report.Bytes != int64(size)<<20 || len(report.Damage) > 0) {
		err = errors.New("the journal is damaged")
	}
	return float64(size) / (processorTime() - began).Seconds(), err
}
