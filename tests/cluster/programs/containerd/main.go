// Command containerd is the container runtime of the test cluster, with what of ctr
// loads images: "containerd ctr images import FILE" shares all its code with the rest.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/containerd/v2/cmd/containerd/command"
	"github.com/containerd/containerd/v2/cmd/ctr/commands/images"
	"github.com/urfave/cli/v3"

	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins"
)

func main() {
	if err := run(context.Background(), os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "containerd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 1 && args[1] == "ctr" {
		return ctr().Run(ctx, args[1:])
	}
	return command.App().Run(ctx, args)
}

// ctr has the flags of containerd's own ctr that its images commands read.
func ctr() *cli.Command {
	return &cli.Command{
		Name: "ctr",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "address"}, &cli.StringFlag{Name: "namespace"},
			&cli.DurationFlag{Name: "timeout"}, &cli.DurationFlag{Name: "connect-timeout"},
		},
		Commands: []*cli.Command{images.Command},
	}
}
