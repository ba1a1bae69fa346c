package terminal

import (
	"cmp"
	"fmt"
	"runtime"
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

// UnknownBuild stands for a value that the build does not contain.
const UnknownBuild = "unknown"

// VersionText describes this build for a terminal.
func VersionText() string {
	t := BuildInfo("")
	return fmt.Sprintf("volume-durability %s\ncommit    %s\ngo        %s\nplatform  %s/%s\n",
		cmp.Or(t.Version, UnknownBuild), cmp.Or(t.Commit, UnknownBuild), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
