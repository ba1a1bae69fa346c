// Command durability-helper is what runs inside the writer's and the reader's
// pod. It appends to the journal, reads it back or removes it, and says what it
// saw on its standard output (see package witness). It takes no part in the
// experiment's verdict.
//
// In faults that are not ours, where nobody listens, it is both halves of a check
// by itself: see probe. It has no Kubernetes client.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "durability-helper:", err)
		stop()
		os.Exit(1)
	}
}

// run carries out one command. What the experiment is to hear is said on out, also
// a failure; what only a person reads, aside.
func run(ctx context.Context, args []string, out, aside io.Writer) error {
	if len(args) == 0 {
		return errors.New("want a command: write, read, remove or probe")
	}
	if args[0] == "probe" {
		return probe(args[1:], out, aside)
	}
	task, err := parse(args[0], args[1:])
	if err != nil {
		return err
	}
	out = &oneAtATime{out: out}
	task.patience = patience{out: out, after: stallAfter}
	task.claimFor = claimFor
	err = task.do(ctx, out)
	var problem protocol.OpError
	if errors.As(err, &problem) {
		return errors.Join(err, protocol.Write(out, protocol.Message{Error: &problem}))
	}
	return err
}

type task struct {
	file   string
	format journal.Format
	points []journal.Point
	// promised is how many bytes the journal has at least.
	promised  int64
	epoch     int
	rate      float64
	ownFolder bool
	stay      bool
	// claimFor is how long a device is waited for that another writer holds.
	claimFor time.Duration
	patience
	do func(context.Context, io.Writer) error
}

func parse(command string, args []string) (*task, error) {
	t := &task{}
	flags := flag.NewFlagSet("durability-helper "+command, flag.ContinueOnError)
	flags.StringVar(&t.file, "file", "", "path of the journal")
	validate := func() error { return t.format.Validate() } // once it is known
	switch command {
	case "write":
		t.describeJournal(flags)
		flags.IntVar(&t.epoch, "epoch", 1, "epoch of this writer, from 1")
		flags.Float64Var(&t.rate, "rate", 0, "records a second; 0 for as many as the volume takes")
		flags.BoolVar(&t.ownFolder, "own-folder", false, "make the journal's folder; its name must begin with "+volume.FolderPrefix)
		validate = t.validateWriting
		t.do = t.write
	case "read":
		t.describeJournal(flags)
		flags.BoolVar(&t.stay, "stay", false, "after the scan, stay until told to end")
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
		return nil, fmt.Errorf("want --file and no other arguments than flags, got %q", flags.Args())
	}
	return t, validate()
}

// describeJournal has the flags of whoever reads the journal, as a later writer does first.
func (t *task) describeJournal(flags *flag.FlagSet) {
	flags.StringVar(&t.format.ID, "journal", "", "identity of the journal, 16 hexadecimal digits")
	flags.IntVar(&t.format.Size, "record-size", 0, "bytes a record")
	flags.Func("points", "records whose sums to report, epoch:sequence,…", t.parsePoints)
	flags.Int64Var(&t.promised, "at-least", 0, "bytes that the journal has at least; on a block device its end is not looked for before")
}

func (t *task) validateWriting() error {
	if t.ownFolder && !volume.IsInOwnFolder(t.file) {
		return fmt.Errorf("--own-folder: want a file in a folder whose name begins with %s, got %s", volume.FolderPrefix, t.file)
	}
	return t.format.Validate()
}

func (t *task) parsePoints(list string) error {
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		epoch, seq, _ := strings.Cut(item, ":")
		e, errEpoch := strconv.Atoi(epoch)
		s, errSeq := strconv.ParseUint(seq, 10, 64)
		if err := errors.Join(errEpoch, errSeq); err != nil {
			return fmt.Errorf("%q: want epoch:sequence: %w", item, err)
		}
		t.points = append(t.points, journal.Point{Epoch: e, Seq: s})
	}
	return nil
}
