package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/volume-durability/volume-durability/tests/cluster/controlplane"
	"github.com/volume-durability/volume-durability/tests/cluster/image"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/node"
)

func (c *cluster) status(ctx context.Context) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROGRAM\tSTATE\tPID\tLOG")
	for _, name := range names() {
		r, err := processes.Load(name)
		switch {
		case err != nil:
			fmt.Fprintf(w, "%s\tnot started\t-\t-\n", name)
		case r.Alive():
			fmt.Fprintf(w, "%s\trunning\t%d\t%s\n", name, r.PID, processes.Log(name))
		default:
			fmt.Fprintf(w, "%s\tended\t-\t%s\n", name, processes.Log(name))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if objects := showObjects(ctx); objects != nil {
		c.log.WithError(objects).Debug("The API server does not answer")
	}
	if err := c.isUp(ctx); err != nil {
		return fmt.Errorf("the cluster is not up: %w", err)
	}
	fmt.Printf("The cluster is up: export KUBECONFIG=%s\n", layout.Kubeconfig)
	return nil
}

func (c *cluster) stopOne(ctx context.Context, name string) error {
	r, err := processes.Load(name)
	if err != nil {
		return fmt.Errorf("no program %s was started: want one of %v", name, names())
	}
	return r.Stop(ctx, stopPatience)
}

func (c *cluster) killOne(ctx context.Context, name string) error {
	r, err := processes.Load(name)
	if err != nil {
		return fmt.Errorf("no program %s was started: want one of %v", name, names())
	}
	return r.Kill(ctx, stopPatience)
}

// startOne starts a program that has ended. Where that makes the cluster whole, it
// returns once everything is ready again.
func (c *cluster) startOne(ctx context.Context, name string) error {
	r, err := processes.Load(name)
	if err != nil {
		return fmt.Errorf("no program %s was started: want one of %v", name, names())
	}
	if r.Alive() {
		return nil
	}
	if _, err := processes.Again(r); err != nil {
		return err
	}
	if allStarted() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, repairTimeout, fmt.Errorf("%s did not make the cluster well within %s", name, repairTimeout))
	defer cancel()
	if name == controlplane.APIServer {
		if err := wakeWatchers(ctx); err != nil {
			return err
		}
	}
	return await(ctx, "everything to be ready", c.isUp)
}

// wakeWatchers starts those of the control plane again that watch the API server.
// After it was away they would look again only when client-go's back-off is over,
// which no setting shortens: up to a minute, and with dozens of watches one is
// always late.
func wakeWatchers(ctx context.Context) error {
	if err := await(ctx, "the API server to answer", apiReady); err != nil {
		return err
	}
	for _, name := range controlplane.Watchers() {
		r, err := processes.Load(name)
		if err != nil {
			return fmt.Errorf("looking for %s: %w", name, err)
		}
		if err := r.Stop(ctx, stopPatience); err != nil {
			return err
		}
		if _, err := processes.Again(r); err != nil {
			return err
		}
	}
	return nil
}

// load gives an image to every node.
func (c *cluster) load(ctx context.Context, ref, file string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range layout.Nodes() {
		ctr, err := ctrOf(n)
		if err != nil {
			return err
		}
		group.Go(func() error { return node.Load(ctx, n, ctr, ref, file) })
	}
	return group.Wait()
}

// ctrOf is the ctr that belongs to the containerd that a node runs: beside the machine's
// own, part of a built one.
func ctrOf(n layout.Node) ([]string, error) {
	running, err := processes.Load(node.ContainerdName(n))
	if err != nil {
		return nil, fmt.Errorf("looking for the container runtime of %s: %w", n.Name, err)
	}
	if filepath.Base(running.Path) == "containerd" {
		return []string{filepath.Join(filepath.Dir(running.Path), "ctr")}, nil
	}
	return []string{running.Path, "ctr"}, nil
}

// image writes the image of a Dockerfile's last stage to a tar file.
func (c *cluster) image(ctx context.Context, dockerfile, from, ref, file string) error {
	tools, err := c.tools(ctx)
	if err != nil {
		return err
	}
	applets, err := tools.Applets(ctx)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(dockerfile)
	if err != nil {
		return err
	}
	img, err := image.FromDockerfile(string(content), from, tools.Busybox, applets)
	if err != nil {
		return err
	}
	return image.Write(file, ref, img)
}
