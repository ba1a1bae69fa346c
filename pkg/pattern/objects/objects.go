//go:build linux || darwin

// Package objects reads the objects of a write pattern back.
package objects

import (
	"errors"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/files"
	"github.com/volume-durability/volume-durability/pkg/pattern/mixed"
	"github.com/volume-durability/volume-durability/pkg/pattern/slots"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// Scan reads all objects and reports what it found, with the checksums of the records at the points. The path is that
// of the file or the device with the slots, or of the folder with the files. If the path does not exist, it returns an
// error for which errors.Is(err, fs.ErrNotExist) is true.
func Scan(
	path string, format journal.Format, model pattern.Model, points []journal.Point,
) (journal.ScanReport, protocol.ReadMode, error) {
	scanner := pattern.NewScanner(format, model, points)
	mode, err := read(path, format, model, scanner)
	return scanner.Report(), mode, err
}

func read(
	path string, format journal.Format, model pattern.Model, scanner *pattern.Scanner,
) (protocol.ReadMode, error) {
	switch {
	case model.Pattern == pattern.Mixed:
		return mixed.Read(path, model, format.RecordSize, scanner)
	case model.Pattern.IsFolder():
		return files.Read(path, model, scanner)
	}
	file, err := volume.OpenReader(path)
	if err != nil {
		return "", err
	}
	mode, err := slots.Read(file, model, model.Pattern, format.RecordSize, scanner)
	return mode, errors.Join(err, file.Close())
}
