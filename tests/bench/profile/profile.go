// Package profile writes CPU profiles of programs that measure.
package profile

import (
	"errors"
	"os"
	"runtime/pprof"
)

// Start starts a CPU profile of this process. stop ends it and closes the file. If the path is empty, both do nothing.
func Start(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}
