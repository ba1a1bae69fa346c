//go:build linux || darwin

package localcmd

import (
	"fmt"
	"os"
	"testing"
)

// TestMain refuses to be the helper of a run: this program would run all tests again for every writer.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == helperCommand {
		fmt.Fprintln(os.Stderr, "a test of this package has started a run")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
