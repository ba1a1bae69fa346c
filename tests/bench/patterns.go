package main

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/slots"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

const (
	// slotBytes is the size of a slot that is overwritten, and of a checked object.
	slotBytes = 16 << 10
	// slotCount is the number of slots of the file.
	slotCount = 4096
	// contentCount is the number of objects that are checked again and again. They do not fit into the processor's cache.
	contentCount = 4096
)

// objectModel returns the model of a write pattern with objects.
func objectModel(name pattern.Name, recordSize int, objects uint64) (journal.Format, pattern.Model, error) {
	format := journal.Format{ID: journalID, RecordSize: recordSize}
	layout := pattern.Layout{Pattern: name, Objects: objects}
	if name == pattern.Create {
		layout.Objects = 0
	}
	model, err := pattern.NewModel(format, layout)
	return format, model, err
}

// overwriting compares writes in place of one slot each, on the same file.
func (p plan) overwriting() []*row {
	s := section{title: "one slot of 16 KiB overwritten per commit, in random order", unit: "commits/s"}
	path := filepath.Join(p.dir, "slots")
	others := []*row{
		s.add("fio --fdatasync=1 --bs=16k --rw=randwrite", onSlots(path, p.fioOverwrites(path))),
		s.add("fio with --refill_buffers=1", onSlots(path, p.fioOverwrites(path, "--refill_buffers=1"))),
		s.add("the system calls of the writer alone, same content", onSlots(path, p.writesAlone(path, 1))),
		s.add("the system calls of the writer alone, new content", onSlots(path, p.writesAlone(path, slotCount))),
	}
	writer := s.add("writer, pattern overwrite, two cores", onSlots(path, p.overwrites(path)))
	s.addRatio(writer, others[0], overwriteTarget)
	for _, other := range others[1:] {
		s.addRatio(writer, other, 0)
	}
	return s.rows
}

// writesAlone measures the system calls of the writer without its computations. It writes a number of different
// contents in turn.
func (p plan) writesAlone(path string, contents int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		written := make([]byte, contents*slotBytes)
		if _, err := cryptorand.Read(written); err != nil {
			return sample{}, err
		}
		file, err := volume.OpenInPlace(path)
		if err != nil {
			return sample{}, err
		}
		w := slots.NewWriter(file)
		defer func() { err = errors.Join(err, w.Close()) }()
		op := make([]pattern.Operation, 1)
		return timed(func() (float64, error) {
			for i := range p.commits {
				content := i % contents * slotBytes
				op[0].Content, op[0].Offset = written[content:content+slotBytes], rand.Int64N(slotCount)*slotBytes
				if err := errors.Join(w.Do(op), ctx.Err()); err != nil {
					return 0, err
				}
			}
			return float64(p.commits), nil
		})
	}
}

// onSlots creates the file with slots before the first measurement.
func onSlots(path string, measure func(context.Context) (sample, error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			file, err := volume.CreateInPlace(path, slotCount*slotBytes)
			if err != nil {
				return sample{}, err
			}
			if err := file.Close(); err != nil {
				return sample{}, err
			}
		}
		return measure(ctx)
	}
}

func (p plan) fioOverwrites(path string, more ...string) func(context.Context) (sample, error) {
	args := append([]string{
		"--filename=" + path, "--rw=randwrite", "--fdatasync=1", "--bs=" + strconv.Itoa(slotBytes),
		"--overwrite=1", "--size=" + strconv.Itoa(slotCount*slotBytes),
		"--number_ios=" + strconv.Itoa(p.commits), "--invalidate=0",
	}, more...)
	return func(ctx context.Context) (sample, error) {
		_, write, err := fio(ctx, args...)
		return sample{rate: write.Operations / write.Milliseconds * 1000}, err
	}
}

func (p plan) overwrites(path string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // one prepares the next operations
		format, model, err := objectModel(pattern.Overwrite, slotBytes, slotCount)
		if err != nil {
			return sample{}, err
		}
		operations, err := pattern.NewEncoder(format, model, 1)
		if err != nil {
			return sample{}, err
		}
		file, err := volume.OpenInPlace(path)
		if err != nil {
			return sample{}, err
		}
		w := slots.NewWriter(file)
		defer func() { err = errors.Join(err, w.Close()) }()
		return timed(func() (float64, error) {
			for range p.commits {
				batch, _ := operations.Next(1, time.Now)
				err := operations.PrepareDuring(func() error { return w.Do(batch) }, 1)
				if err := errors.Join(err, ctx.Err()); err != nil {
					return 0, err
				}
			}
			return float64(p.commits), nil
		})
	}
}

// checkingObjects measures the scanner of objects, which files and slots share.
func (p plan) checkingObjects() []*row {
	s := section{title: "objects of 16 KiB checked, in memory", unit: "GB/s"}
	for _, name := range pattern.Names() {
		if name.HasObjects() {
			s.add("scanner of objects, pattern "+string(name), p.checkInMemory(name))
		}
	}
	read := section{title: "slots read and checked, cached", unit: "GB/s"}
	for _, size := range recordSizes {
		read.add(fmt.Sprintf("scanner of objects, slots of %d B", size), p.checkCached(size))
	}
	return append(s.rows, read.rows...)
}

// object is an object and its content.
type object struct {
	journal.Object
	content []byte
}

// contents returns what the first operations of a writer write, one record for each object.
func contents(format journal.Format, model pattern.Model, n int) ([]object, error) {
	operations, err := pattern.NewEncoder(format, model, 1)
	if err != nil {
		return nil, err
	}
	var all []object
	batch, _ := operations.Next(n, time.Now)
	for _, op := range batch {
		all = append(all, object{op.Object, op.Content})
	}
	return all, nil
}

func (p plan) checkInMemory(name pattern.Name) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		format, model, err := objectModel(name, slotBytes, contentCount)
		if err != nil {
			return sample{}, err
		}
		all, err := contents(format, model, contentCount)
		if err != nil {
			return sample{}, err
		}
		return timed(func() (float64, error) {
			done := int64(0)
			for done < p.bytes && ctx.Err() == nil {
				scanner := pattern.NewScanner(format, model, nil)
				for _, o := range all {
					scanner.Add(o.Object, o.content)
				}
				report := scanner.Report()
				if report.Records != contentCount || len(report.Objects.Misdirected) > 0 {
					return 0, errors.New("the objects are damaged")
				}
				done += report.Bytes
			}
			return float64(done) / giga, ctx.Err()
		})
	}
}

// checkCached measures reading a file with slots from the page cache, and checking them.
func (p plan) checkCached(recordSize int) func(context.Context) (sample, error) {
	path := filepath.Join(p.dir, fmt.Sprintf("slots-%d", recordSize))
	objects := min(uint64(p.bytes)/uint64(recordSize), pattern.MaxObjects)
	return func(ctx context.Context) (s sample, err error) {
		format, model, err := objectModel(pattern.Overwrite, recordSize, objects)
		if err != nil {
			return sample{}, err
		}
		if err := writeSlots(path, format, model); err != nil {
			return sample{}, err
		}
		file, err := os.Open(path)
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, file.Close(), os.Remove(path)) }()
		return timed(func() (float64, error) {
			scanner, blocks := pattern.NewScanner(format, model, nil), make([]byte, blockBytes)
			for number := uint64(0); number < objects && ctx.Err() == nil; {
				n, err := io.ReadFull(file, blocks)
				if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					return 0, err
				}
				for at := 0; at < n; at += recordSize {
					scanner.Add(journal.Object{Number: number}, blocks[at:at+recordSize])
					number++
				}
			}
			report := scanner.Report()
			if uint64(report.Records) != objects {
				return 0, fmt.Errorf("%d of %d slots have a record", report.Records, objects)
			}
			return float64(report.Bytes) / giga, ctx.Err()
		})
	}
}

// writeSlots writes all slots of a file once, as the writer does: over zeros. Afterwards they are in the page cache.
func writeSlots(path string, format journal.Format, model pattern.Model) (err error) {
	file, err := volume.CreateInPlace(path, model.Size(format.RecordSize))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	operations, err := pattern.NewEncoder(format, model, 1)
	if err != nil {
		return err
	}
	for range model.Objects {
		batch, _ := operations.Next(1, time.Now)
		if _, err := file.WriteAt(batch[0].Content, batch[0].Offset); err != nil {
			return err
		}
	}
	return file.Sync()
}

// memoryOfObjects measures the memory that a scan needs for each object.
func (p plan) memoryOfObjects() []*row {
	s := section{title: "memory of a scan", unit: "bytes per object"}
	for _, name := range []pattern.Name{pattern.Overwrite, pattern.Create, pattern.Mixed} {
		s.add("scanner of objects, pattern "+string(name), memoryPerObject(name))
	}
	return s.rows
}

// memoryPerObject returns the memory of a scanner after it checked the maximum number of objects, divided by them.
func memoryPerObject(name pattern.Name) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		format, model, err := objectModel(name, journal.MinRecordSize, pattern.MaxObjects)
		if err != nil {
			return sample{}, err
		}
		operations, err := pattern.NewEncoder(format, model, 1)
		if err != nil {
			return sample{}, err
		}
		before := liveBytes()
		scanner := pattern.NewScanner(format, model, nil)
		for range pattern.MaxObjects {
			batch, _ := operations.Next(1, time.Now)
			scanner.Add(batch[0].Object, batch[0].Content)
		}
		used := float64(liveBytes() - before)
		runtime.KeepAlive(scanner)
		return sample{rate: used / pattern.MaxObjects}, ctx.Err()
	}
}

// liveBytes returns the bytes of all reachable objects of this process.
func liveBytes() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
