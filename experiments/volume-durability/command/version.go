package command

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// repository is where released images are, without a tag.
const repository = "volume-durability/volume-durability"

// release is a version that has an image of its own.
var release = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$`)

// tool is this program as its build says, with the image that the pods run.
func tool(image string) result.Tool {
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

// releasedImage is that of a version; the latest for a build that is no release.
func releasedImage(version string) string {
	if release.MatchString(version) {
		return repository + ":" + version
	}
	return repository + ":latest"
}

// unknown is said of what the build was not told.
const unknown = "unknown"

// build is what the command version says.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Image is the one that runs use where nothing else is asked for.
	Image string `json:"image"`
}

func newVersion(streams Streams) *cobra.Command {
	var format formatFlag
	c := &cobra.Command{
		Use: "version", Short: "Say which build this is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			t := tool("")
			b := build{Version: t.Version, Commit: t.Commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Image: releasedImage(t.Version)}
			b.Version = cmp.Or(b.Version, unknown)
			return format.write(streams.Out, b, func() (string, error) {
				return fmt.Sprintf("volume-durability %s\ncommit   %s\nbuilt    with %s for %s\nimage    %s\n", b.Version, cmp.Or(b.Commit, unknown), b.Go, b.Platform, b.Image), nil
			})
		},
	}
	format.addTo(c.Flags(), formatJSON, formatYAML)
	return c
}
