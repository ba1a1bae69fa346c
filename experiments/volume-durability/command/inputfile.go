package command

import (
	"os"

	"github.com/volume-durability/volume-durability/pkg/volume"
)

// readFile reads a whole regular file. It returns an error for anything else: opening a FIFO would wait for another
// process, and a device may have no end.
func readFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, volume.KindError{Mode: info.Mode()}
	}
	return os.ReadFile(path)
}
