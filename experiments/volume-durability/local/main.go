// Command local is volume-durability local alone. It has no Kubernetes client, so that a
// fresh clone builds it quickly; see docs/local.md.
package main

import (
	"context"
	"os"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/localcmd"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
)

func main() {
	ctx, stop := terminal.NotifyContext(context.Background())
	c := localcmd.New(os.Stdout, os.Stderr)
	c.SilenceErrors, c.SilenceUsage = true, true
	code := terminal.ReportError(ctx, c.ExecuteContext(ctx), os.Stderr)
	stop()
	os.Exit(code)
}
