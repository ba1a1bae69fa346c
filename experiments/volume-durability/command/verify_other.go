//go:build !linux

package command

import (
	"os"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// plainFile is a journal that is read as any file is: on this system it is a copy.
type plainFile struct{ *os.File }

func openJournal(path string) (plainFile, error) {
	file, err := os.Open(path)
	return plainFile{file}, err
}

func (plainFile) ReadMode() protocol.ReadMode { return protocol.ReadCached }

func (plainFile) Unreadable() []journal.Range { return nil }

// IsBlockDevice is never: --device says so of what is to be read as one.
func (plainFile) IsBlockDevice() bool { return false }

// SetMinimumLength is for devices.
func (plainFile) SetMinimumLength(int64) {}
