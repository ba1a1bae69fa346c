//go:build linux || darwin

package slots

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// MapWriter overwrites slots through a shared memory map, and makes them durable with msync(2).
type MapWriter struct {
	file   *volume.File
	memory []byte
}

// NewMapWriter maps a file of a size. Close unmaps and closes it.
func NewMapWriter(file *volume.File, size int64) (*MapWriter, error) {
	memory, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, volume.MapLimit(err)
	}
	return &MapWriter{file: file, memory: memory}, nil
}

// Do does operations, and returns after all of them are durable.
func (w *MapWriter) Do(ops []pattern.Operation) error {
	for _, op := range ops {
		if err := w.copy(op); err != nil {
			return err
		}
	}
	page := int64(os.Getpagesize())
	for _, op := range ops {
		start := op.Offset / page * page
		if err := unix.Msync(w.memory[start:op.Offset+int64(len(op.Content))], unix.MS_SYNC); err != nil {
			return volume.MsyncLimit(fmt.Errorf("msync: %w", err))
		}
	}
	return nil
}

// copy copies a record into the map. The kernel signals an error of the storage with SIGBUS, which is returned as EIO.
func (w *MapWriter) copy(op pattern.Operation) (err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("writing to the memory map: %v: %w", fault, unix.EIO)
		}
	}()
	copy(w.memory[op.Offset:], op.Content)
	return nil
}

// Close unmaps and closes the file.
func (w *MapWriter) Close() error { return errors.Join(unix.Munmap(w.memory), w.file.Close()) }
