//go:build !linux

package local

import "github.com/volume-durability/volume-durability/pkg/provenance"

// unmountWatch observes nothing: only on Linux is an unmount observed.
type unmountWatch struct{}

func watchUnmount(string) (*unmountWatch, error) { return &unmountWatch{}, nil }

func (*unmountWatch) observe() provenance.Observation {
	return provenance.Observed(provenance.Unknown, "unmounts are observed only on Linux")
}

func (*unmountWatch) close() error { return nil }
