package terminal

import (
	"runtime/debug"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// BuildInfo describes this build, and the image of the pods.
func BuildInfo(image string) result.Tool {
	t := result.Tool{Image: image}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return t
	}
	if info.Main.Version != "(devel)" {
		t.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			t.Commit = s.Value
		}
	}
	return t
}
