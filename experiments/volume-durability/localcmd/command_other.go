//go:build !linux && !darwin

package localcmd

import (
	"errors"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// New returns the command local, which only reports what is missing here.
func New(_, _ io.Writer, _ ...string) *cobra.Command {
	return &cobra.Command{
		Use: "local DIR", Short: "Test a folder of this machine (Linux and macOS only)",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("local requires Linux or macOS: on " + runtime.GOOS + ", this program cannot bypass the " +
				"page cache, read the mount table or observe an unmount, so no evidence level could be established")
		},
	}
}
