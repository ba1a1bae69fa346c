package command

import "github.com/volume-durability/volume-durability/pkg/volume"

// openJournal opens a journal as the reader of a run does, which bypasses the page cache.
func openJournal(path string) (*volume.Reader, error) { return volume.OpenReader(path) }
