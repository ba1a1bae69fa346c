//go:build !linux && !darwin

package command

import (
	"errors"
	"os"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// plainFile is a journal that is read through the page cache: a copy of one that was
// written on another system.
type plainFile struct{ *os.File }

func openJournal(path string) (journalFile, error) {
	file, err := os.Open(path)
	return plainFile{file}, err
}

func (plainFile) ReadMode() protocol.ReadMode { return protocol.ReadCached }

func (plainFile) Unreadable() []journal.Range { return nil }

// IsBlockDevice returns false: on this system only --device marks the image of a device.
func (plainFile) IsBlockDevice() bool { return false }

// SetMinimumLength does nothing: it is for devices.
func (plainFile) SetMinimumLength(int64) {}

// readObjects returns an error: the objects of a write pattern can be read on Linux and macOS only.
func readObjects(
	string, journal.Format, pattern.Model, []journal.Point,
) (journal.ScanReport, protocol.ReadMode, error) {
	return journal.ScanReport{}, "", errors.New("the objects of a write pattern can be read on Linux and macOS only")
}

// mountOf returns an empty description: mounts are looked up on Linux and macOS only.
func mountOf(string) (protocol.Mount, error) { return protocol.Mount{}, nil }
