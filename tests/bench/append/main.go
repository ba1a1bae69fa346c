// Command append measures the scanner and the writer of the write pattern append once, and prints the rates as JSON.
// Command before compiles it with an earlier state of the project, so it uses only what that state has, too.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

func run() (err error) {
	folder := flag.String("folder", os.TempDir(), "folder on the filesystem to measure")
	size := flag.Int("size", 256, "size of the journal, in MiB")
	commits := flag.Int("commits", 300, "number of commits with one record each")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	dir, err := os.MkdirTemp(*folder, "append")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rates := map[string]float64{}
	for _, recordSize := range []int{256, 4096} {
		format := journal.Format{ID: journalID, RecordSize: recordSize}
		path := filepath.Join(dir, fmt.Sprint(recordSize))
		of := func(what string) string { return fmt.Sprintf("%s, records of %d B", what, recordSize) }
		if rates[of("write 1 MiB per commit, MiB/s")], err = write(path, format, *size, groupBytes/recordSize); err != nil {
			return err
		}
		if rates[of("scan, MiB per CPU second")], err = scan(path, format, *size); err != nil {
			return err
		}
		if rates[of("encode, MiB per CPU second")], err = encode(format, *size); err != nil {
			return err
		}
		if rates[of("write one record per commit, records/s")], err = write(path+"-single", format, *commits, 1); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(rates)
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
