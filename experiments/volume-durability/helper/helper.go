// Package helper is the program in the writer's and the reader's pod, durability-helper, and
// the writer and the reader of a local run. It appends to the journal, scans it or removes
// it, and reports what it observed on standard output (see package protocol). It does not
// decide the experiment's verdict.
//
// The commands "probe write" and "probe verify" check whether the data of a volume survives
// another fault. The program has no Kubernetes client.
package helper

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// Main runs the command that the arguments name until it ends or the process gets SIGTERM
// or SIGINT, and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, args, stdout, stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stderr, "durability-helper:", err)
		return 1
	}
	return 0
}

const usage = `Usage:
  durability-helper write --file FILE [flags]    write records to a journal
  durability-helper read --file FILE [flags]     scan a journal
  durability-helper remove --file FILE           remove a journal, and its folder if write created it
  durability-helper probe write|verify [flags]   check data before and after another fault

"durability-helper COMMAND --help" lists the flags.
`

// run runs one command. It prints messages for the experiment on stdout, including errors,
// and text for people on stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("a command is required: write, read, remove or probe")
	}
	if isHelp(args[0]) {
		_, err := fmt.Fprint(stdout, usage)
		return err
	}
	if args[0] == "probe" {
		return probe(ctx, args[1:], stdout, stderr)
	}
	task, err := parse(args[0], args[1:])
	if err != nil {
		return err
	}
	out := &syncWriter{out: stdout}
	task.reportTo(out)
	task.deviceTimeout = deviceTimeout
	err = task.do(ctx, out)
	var opErr protocol.OpError
	if errors.As(err, &opErr) {
		return errors.Join(err, protocol.Write(out, protocol.Message{Error: &opErr}))
	}
	return err
}

// reportTo sets where the task reports that it waits. The outcome of a read matters more than such a report.
func (t *task) reportTo(out io.Writer) {
	t.stallWatch = stallWatch{out: out, timeout: volume.StallTimeout}
	t.announce = func(r protocol.Rereading) { _ = protocol.Write(out, protocol.Message{Rereading: &r}) }
}

// isHelp reports whether an argument requests the usage.
func isHelp(arg string) bool { return slices.Contains([]string{"help", "--help", "-help", "-h"}, arg) }

// task is one command and its flags.
type task struct {
	file   string
	format journal.Format
	layout pattern.Layout
	points []journal.Point
	// known are the entries that the message with the scan result omits.
	known protocol.KnownStart
	// minLength is the minimum length of the journal in bytes.
	minLength int64
	epoch     int
	rate      float64
	ownFolder bool
	stay      bool
	// deviceTimeout is how long to wait for a device that another writer holds open.
	deviceTimeout time.Duration
	// mountOf returns the mount that holds a path.
	mountOf func(path string) (protocol.Mount, error)
	// announce reports that the journal is read again. It may be nil.
	announce func(protocol.Rereading)
	stallWatch
	do func(context.Context, io.Writer) error
}

func parse(command string, args []string) (*task, error) {
	t := &task{mountOf: volume.MountOf}
	flags := flag.NewFlagSet("durability-helper "+command, flag.ContinueOnError)
	flags.StringVar(&t.file, "file", "", "path of the journal")
	validate := t.validateJournal
	switch command {
	case "write":
		t.journalFlags(flags)
		flags.IntVar(&t.epoch, "epoch", 1, "epoch of this writer, 1 or more")
		flags.Float64Var(&t.rate, "rate", 0, "records per second; 0 for no limit")
		flags.BoolVar(&t.ownFolder, "own-folder", false,
			"create the journal's folder; its name must begin with "+volume.FolderPrefix)
		validate = t.validateWrite
		t.do = t.write
	case "read":
		t.journalFlags(flags)
		flags.BoolVar(&t.stay, "stay", false, "after the scan, wait for SIGTERM")
		t.do = t.read
	case "remove":
		validate = func() error { return nil }
		t.do = t.remove
	default:
		return nil, fmt.Errorf("unknown command %q: want write, read, remove or probe", command)
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if t.file == "" || flags.NArg() > 0 {
		return nil, fmt.Errorf("--file is required, and no other arguments are accepted: got %q", flags.Args())
	}
	return t, validate()
}

// journalFlags adds the flags of commands that scan the journal.
func (t *task) journalFlags(flags *flag.FlagSet) {
	flags.StringVar(&t.format.ID, "journal", "", "ID of the journal, 16 hexadecimal digits")
	flags.IntVar(&t.format.RecordSize, "record-size", 0, "bytes per record")
	t.layout.Pattern = pattern.Append
	flags.Func("pattern", "write pattern (default append)", func(name string) error {
		t.layout.Pattern = pattern.Name(name)
		return nil
	})
	flags.Uint64Var(&t.layout.Objects, "objects", 0, "number of objects of the write pattern")
	flags.Func("points", "last acknowledged record of each epoch, as epoch:sequence,…: their checksums are reported, "+
		"and over NFS the journal is read again if they are missing", t.parsePoints)
	flags.Func("known", "what the lists of the scan start with, as segments:digests:SHA-256: the message omits it",
		func(text string) (err error) {
			t.known, err = protocol.ParseKnownStart(text)
			return err
		})
	flags.Int64Var(&t.minLength, "at-least", 0,
		"number of bytes at the start of a block device in which zeros do not end the journal")
}

func (t *task) validateWrite() error {
	if t.ownFolder && !volume.IsInOwnFolder(t.file) {
		return fmt.Errorf("--own-folder: want a file in a folder whose name begins with %s, got %s",
			volume.FolderPrefix, t.file)
	}
	return t.validateJournal()
}

func (t *task) validateJournal() error { return errors.Join(t.format.Validate(), t.layout.Validate()) }

func (t *task) parsePoints(list string) error {
	points, err := protocol.ParsePoints(list)
	if t.points == nil {
		t.points = points
	} else {
		t.points = append(t.points, points...)
	}
	return err
}
