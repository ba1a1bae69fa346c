// Command faultfs mounts a filesystem over a directory that damages data on
// purpose, and says what it has done on its standard output, one JSON object a
// line. It ends, and unmounts, on SIGTERM and SIGINT.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/faultfs"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// patience is how long the last users of a mount are waited for. When this process
// has ended they are told that it is gone.
const patience = 2 * time.Second

// wrongUsage is the exit status for mistakes in flags.
const wrongUsage = 2

func main() {
	arguments, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		usage(os.Stdout)
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "faultfs: %v\nfaultfs -help lists the faults\n", err)
		os.Exit(wrongUsage)
	}
	// The kernel has applied its callers' masks to the modes that it sends.
	unix.Umask(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, arguments, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "faultfs:", err)
		stop()
		os.Exit(1)
	}
}

// arguments is what the command was told.
type arguments struct {
	options faultfs.Options
	control string
}

// parse reads the arguments. It reports every mistake, not only the first.
func parse(args []string) (arguments, error) {
	var a arguments
	flags := flag.NewFlagSet("faultfs", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&a.options.File, "file", "logs.log", "")
	flags.StringVar(&a.control, "control", "", "")
	description := flags.String("fault", "", "")
	at := flags.String("at", "close", "")
	if err := flags.Parse(args); err != nil {
		return a, err
	}
	spec, err := fault.Parse(*description, *at)
	a.options.Fault = spec
	problems := []error{err}
	if flags.NArg() == 2 {
		a.options.Dir, a.options.Mountpoint = flags.Arg(0), flags.Arg(1)
		problems = append(problems, a.options.Problems()...)
	} else {
		problems = append(problems, fmt.Errorf("arguments %q: want DIR MOUNTPOINT, after the flags", flags.Args()))
	}
	if _, err := os.Lstat(a.control); a.control != "" && !errors.Is(err, os.ErrNotExist) {
		problems = append(problems, fmt.Errorf("-control %q: want the path of a file that is not there yet", a.control))
	}
	return a, errors.Join(problems...)
}

// run serves the filesystem until the context ends.
func run(ctx context.Context, a arguments, out io.Writer) (err error) {
	lines := json.NewEncoder(out)
	a.options.Report = func(e event.Event) {
		// Who does not listen any more cannot be told that either.
		_ = lines.Encode(e)
	}
	if a.control == "" {
		return serve(ctx, a.options, func(func(string)) {})
	}
	control, err := faultfs.NewControl(a.control)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	return serve(ctx, a.options, control.Listen)
}

func serve(ctx context.Context, options faultfs.Options, listen func(command func(string))) error {
	volume, err := faultfs.Mount(options)
	if err != nil {
		return err
	}
	listen(volume.Command)
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	// Who still uses it is told by the end of this process.
	if err := volume.Close(last); !errors.Is(err, faultfs.ErrInUse) {
		return err
	}
	return nil
}

func usage(out io.Writer) {
	fmt.Fprint(out, `faultfs [flags] DIR MOUNTPOINT

Mounts DIR on MOUNTPOINT and damages data on purpose. Linux and root.

  -fault NAME[:PARAMETER=VALUE,…]  what goes wrong; without it, nothing does
  -at MOMENT                       when: `+fault.Moments+` (default close)
  -file PATH                       the file that it is about, below DIR (default logs.log)
  -control PATH                    make a named pipe that takes the lines now, heal and snapshot

`)
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range fault.Table() {
		fmt.Fprintf(columns, "  %s\t%s\n", f.Name, f.Does)
		for _, p := range f.Parameters {
			fmt.Fprintf(columns, "  \t  %s: %s\n", p.Name, p.Describe())
		}
	}
	_ = columns.Flush()
}
