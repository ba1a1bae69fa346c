package command

import (
	"cmp"
	"regexp"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
)

// repository is the repository of the released images.
const repository = "volume-durability/volume-durability"

// releaseVersion matches the versions that have an image.
var releaseVersion = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$`)

// releasedImage returns the image of a released version, or the latest one.
func releasedImage(version string) string {
	if releaseVersion.MatchString(version) {
		return repository + ":" + version
	}
	return repository + ":latest"
}

// versionInfo is the output of the command version.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Image is the default image of the pods.
	Image string `json:"image"`
}

func newVersionInfo() versionInfo {
	t := terminal.BuildInfo("")
	return versionInfo{
		Version: cmp.Or(t.Version, terminal.UnknownBuild), Commit: t.Commit, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Image: releasedImage(t.Version),
	}
}

func newVersion(streams Streams) *cobra.Command {
	var format terminal.FormatFlag
	c := &cobra.Command{
		Use: "version", Short: "Print the version and commit of the build, and the default image of the pods",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := newVersionInfo()
			return format.Write(streams.Out, v, func() (string, error) { return v.text(), nil })
		},
	}
	format.AddTo(c.Flags(), terminal.FormatJSON, terminal.FormatYAML)
	return c
}

func (v versionInfo) text() string {
	return terminal.VersionText() + "image     " + v.Image + "\n"
}
