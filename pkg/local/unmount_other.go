//go:build !linux

package local

import "github.com/volume-durability/volume-durability/pkg/provenance"

// unmountWatch is not available: only Linux reports an unmount.
type unmountWatch struct{}

func watchUnmount(string) (*unmountWatch, error) { return &unmountWatch{}, nil }

func (*unmountWatch) observe() provenance.Observation {
	return provenance.Observed(provenance.Unknown, "this operating system does not report unmounts")
}

func (*unmountWatch) close() error { return nil }
