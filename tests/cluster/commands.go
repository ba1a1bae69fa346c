package main

import (
	"context"
	"errors"
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
	if err := showMachines(); err != nil {
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

// startOne starts a program that has ended. If all programs then run, it waits until
// the cluster is ready.
func (c *cluster) startOne(ctx context.Context, name string) error {
	r, err := processes.Load(name)
	if err != nil {
		return fmt.Errorf("no program %s was started: want one of %v", name, names())
	}
	if r.Alive() {
		return nil
	}
	if _, err := processes.Restart(r); err != nil {
		return err
	}
	if allStarted() != nil {
		return nil
	}
	tooLate := fmt.Errorf("the cluster was not ready within %s after the start of %s", repairTimeout, name)
	ctx, cancel := context.WithTimeoutCause(ctx, repairTimeout, tooLate)
	defer cancel()
	if name == controlplane.APIServer {
		if err := restartWatchers(ctx); err != nil {
			return err
		}
	}
	return await(ctx, "everything to be ready", c.isUp)
}

// restartWatchers restarts the programs of the control plane that watch the API
// server. After an outage they would connect again only when client-go's back-off
// ends. That takes up to a minute and cannot be configured.
func restartWatchers(ctx context.Context) error {
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
		if _, err := processes.Restart(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) restartOne(ctx context.Context, name string) error {
	return errors.Join(c.stopOne(ctx, name), c.startOne(ctx, name))
}

// load loads an image into the nodes. If it is for machines, those that are added later get it too.
func (c *cluster) load(ctx context.Context, i loadedImage) error {
	var err error
	if i.File, err = filepath.Abs(i.File); err != nil {
		return err
	}
	if err := remember(i); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range layout.Nodes() {
		ctr, err := ctrOf(n)
		if err != nil {
			return err
		}
		group.Go(func() error { return node.Load(ctx, n, ctr, i.Ref, i.File) })
	}
	if i.Machines {
		group.Go(func() error { return loadIntoMachines(ctx, i) })
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
