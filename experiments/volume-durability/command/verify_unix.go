//go:build linux || darwin

package command

import "github.com/volume-durability/volume-durability/pkg/volume"

// openJournal opens a journal as the reader of a run does, past the page cache where possible.
func openJournal(path string) (journalFile, error) {
	file, err := volume.OpenReader(path)
	if err != nil {
		return nil, err // not a journalFile that contains nil
	}
	return file, nil
}
