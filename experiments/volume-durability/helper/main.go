// Command durability-helper is what runs inside the writer's and the reader's
// pod. It appends to the journal or reads it back, and says what it saw on its
// standard output (see package witness). It takes no part in the experiment's
// verdict.
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

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/witness"
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
		return errors.New("want a command: write, read or probe")
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
	err = task.do(ctx, out)
	var problem witness.Problem
	if errors.As(err, &problem) {
		return errors.Join(err, witness.Write(out, witness.Statement{Problem: &problem}))
	}
	return err
}

type task struct {
	file   string
	format journal.Format
	points []journal.Point
	epoch  int
	rate   float64
	stay   bool
	patience
	do func(context.Context, io.Writer) error
}

func parse(command string, args []string) (*task, error) {
	t := &task{}
	flags := flag.NewFlagSet("durability-helper "+command, flag.ContinueOnError)
	flags.StringVar(&t.file, "file", "", "path of the journal")
	flags.StringVar(&t.format.ID, "journal", "", "identity of the journal, 16 hexadecimal digits")
	flags.IntVar(&t.format.Size, "record-size", 0, "bytes a record")
	flags.Func("points", "records whose sums to report, epoch:sequence,…", t.parsePoints)
	switch command {
	case "write":
		flags.IntVar(&t.epoch, "epoch", 1, "epoch of this writer, from 1")
		flags.Float64Var(&t.rate, "rate", 0, "records a second; 0 for as many as the volume takes")
		t.do = t.write
	case "read":
		flags.BoolVar(&t.stay, "stay", false, "after the scan, stay until told to end")
		t.do = t.read
	default:
		return nil, fmt.Errorf("unknown command %q: want write, read or probe", command)
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if t.file == "" || flags.NArg() > 0 {
		return nil, fmt.Errorf("want --file and no other arguments than flags, got %q", flags.Args())
	}
	return t, t.format.Validate()
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
