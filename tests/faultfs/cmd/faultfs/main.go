// Command faultfs mounts a directory through a filesystem that damages data on purpose. It
// prints events on standard output, one JSON object per line. On SIGTERM and SIGINT it
// unmounts the filesystem and exits.
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

// closeTimeout is how long to wait for the last users of a mount. After it, their calls
// fail, because this process exits.
const closeTimeout = 2 * time.Second

// exitUsage is the exit status for mistakes in flags.
const exitUsage = 2

func main() {
	arguments, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		usage(os.Stdout)
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "faultfs: %v\nRun faultfs -help for a list of the faults.\n", err)
		os.Exit(exitUsage)
	}
	// The kernel has already applied the umask of its callers.
	unix.Umask(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, arguments, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "faultfs:", err)
		stop()
		os.Exit(1)
	}
}

// arguments are the parsed arguments of the command.
type arguments struct {
	options faultfs.Options
	control string
}

// parse parses the arguments. The error contains all mistakes, not only the first.
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
		problems = append(problems, fmt.Errorf("arguments %q: want DIR MOUNTPOINT after the flags", flags.Args()))
	}
	if _, err := os.Lstat(a.control); a.control != "" && !errors.Is(err, os.ErrNotExist) {
		problems = append(problems, fmt.Errorf("-control %q: want the path of a file that does not exist", a.control))
	}
	return a, errors.Join(problems...)
}

// run serves the filesystem until the context ends.
func run(ctx context.Context, a arguments, out io.Writer) (err error) {
	lines := json.NewEncoder(out)
	a.options.Report = func(e event.Event) {
		// If nothing reads the output, the error cannot be reported either.
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
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	// Remaining users get an error when this process exits.
	if err := volume.Close(last); !errors.Is(err, faultfs.ErrInUse) {
		return err
	}
	return nil
}

func usage(out io.Writer) {
	fmt.Fprint(out, `faultfs [flags] DIR MOUNTPOINT

Mounts DIR on MOUNTPOINT and damages data on purpose. Needs Linux and root.

  -fault NAME[:PARAMETER=VALUE,…]  the fault; none by default
  -at MOMENT                       when the fault takes effect: `+fault.Moments+` (default close)
  -file PATH                       the target of the fault below DIR, or a pattern (default logs.log)
  -control PATH                    create a named pipe that takes the commands now, heal and snapshot

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
