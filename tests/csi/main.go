// Command csi is the test cluster's storage driver. csi controller creates volumes and
// attaches them, csi node makes them usable on one node, csi provisioner creates
// volumes for the cluster's claims.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/driver"
	"github.com/volume-durability/volume-durability/tests/csi/provisioner"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

const usage = `csi controller --socket PATH --volumes DIR --nodes NAME,… [--gluster FILE]
csi node --name NAME --socket PATH --registration PATH --volumes DIR [--images DIR] [--gluster FILE]
csi provisioner --socket PATH --kubeconfig PATH
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, logrus.New(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "csi: %v\n%s", err, usage)
		stop()
		os.Exit(1)
	}
}

// arguments are the values of the flags. Each program uses some of them.
type arguments struct {
	socket, volumes, images, nodes, name, registration, kubeconfig, gluster string
}

func run(ctx context.Context, log *logrus.Logger, args []string) error {
	if len(args) == 0 {
		return errors.New("want the name of a program")
	}
	programs := map[string]func(context.Context, *logrus.Logger, arguments) error{
		"controller": controller, "node": node,
		"provisioner": func(ctx context.Context, log *logrus.Logger, a arguments) error {
			return provisioner.Run(ctx, log, driver.Name, a.socket, a.kubeconfig)
		},
	}
	program, known := programs[args[0]]
	if !known {
		return fmt.Errorf("there is no program %q", args[0])
	}
	var a arguments
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for name, value := range map[string]*string{
		"socket": &a.socket, "volumes": &a.volumes, "images": &a.images, "nodes": &a.nodes, "name": &a.name,
		"registration": &a.registration, "kubeconfig": &a.kubeconfig, "gluster": &a.gluster,
	} {
		flags.StringVar(value, name, "", "")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	return program(ctx, log, a)
}

func controller(ctx context.Context, log *logrus.Logger, a arguments) error {
	volumes, err := store.New(a.volumes)
	if err != nil {
		return err
	}
	c := &driver.Controller{Store: volumes, Nodes: strings.Split(a.nodes, ",")}
	c.Gluster = backend.Gluster{ClientFile: a.gluster}
	return driver.Serve(ctx, log, map[string]driver.Services{a.socket: {Controller: c}})
}

func node(ctx context.Context, log *logrus.Logger, a arguments) error {
	// The kernel has applied the callers' umasks to the modes that it sends to the
	// faulty filesystems.
	unix.Umask(0)
	volumes, err := store.New(a.volumes)
	if err != nil {
		return err
	}
	host := backend.NewHost(log, backend.Gluster{ClientFile: a.gluster}, a.images)
	err = driver.Serve(ctx, log, map[string]driver.Services{
		a.socket:       {Node: &driver.Node{Store: volumes, Host: host, Name: a.name}},
		a.registration: {Registration: &driver.Registration{Socket: a.socket, Log: log}},
	})
	return errors.Join(err, host.Close())
}
