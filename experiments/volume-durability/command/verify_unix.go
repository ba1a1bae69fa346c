//go:build linux || darwin

package command

import "github.com/volume-durability/volume-durability/pkg/volume"

// openJournal opens a journal as the reader of a run does, past the page cache where possible.
func openJournal(path string) (*volume.Reader, error) { return volume.OpenReader(path) }
