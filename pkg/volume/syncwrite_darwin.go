package volume

import (
	"errors"
	"fmt"
)

// ReopenForSyncWrites closes f and returns an error: on macOS, a synchronous write does not flush the device's cache.
func (f *File) ReopenForSyncWrites() (*File, error) {
	return nil, errors.Join(fmt.Errorf("synchronous writes on macOS: %w", errors.ErrUnsupported), f.Close())
}
