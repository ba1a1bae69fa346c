//go:build linux || darwin

package localcmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// writeCommand holds the flags of local write.
type writeCommand struct {
	*localCommand
	options optionFlags
	acks    string
	// duration is how long to write; 0 is until interrupted.
	duration time.Duration
}

// newWrite returns the command that only writes. Another machine keeps the acknowledgements.
func newWrite(l *localCommand) *cobra.Command {
	w := &writeCommand{localCommand: l}
	c := &cobra.Command{
		Use: "write DIR|DEVICE --acks FILE|-|tcp://HOST:PORT", Args: terminal.ExactArgs(1, wantTarget),
		Short: "Write records until interrupted, and send the acknowledgements elsewhere",
		Long: `Write records until interrupted, and send the acknowledgements elsewhere.

Use this command to test a power failure. Run it on the machine that loses power, and keep
the acknowledgements on another machine. The journal stays. To check it after the restart,
use "volume-durability verify --journal JOURNAL --acks FILE". FILE has the acknowledgements.`,
		Example: `  ssh tested volume-durability local write /mnt/data --acks - > acks`,
		RunE:    func(c *cobra.Command, args []string) error { return w.execute(c.Context(), args[0]) },
	}
	flags := terminal.NewFlagGroup("Flags")
	w.options.addTo(flags.FlagSet, append([]localOption{
		{"RECORD_SIZE", "256", recordSizeHelp}, {"WRITE_RATE", "100", writeRateHelp},
	}, patternOptions()...))
	flags.StringVar(&w.acks, "acks", "", "where to send the acknowledgements: a new file, '-' for standard output, or "+
		"tcp://HOST:PORT")
	terminal.AddDuration(flags.FlagSet, &w.duration, "duration", 0, 0, "time to write; 0 to write until interrupted")
	terminal.AddFlagGroups(c, flags)
	return c
}

func (w *writeCommand) execute(ctx context.Context, path string) error {
	values, err := w.options.parse()
	values.Force = []bool{true}
	id := string(uuid.NewUUID())
	target, targetErr := local.NewTarget(path, local.Format(id, values.RecordSize).ID)
	err = errors.Join(err, targetErr, checkSink(w.acks, target, ""))
	if w.acks == "" {
		err = errors.Join(err, errors.New("--acks: want a file, - or tcp://HOST:PORT"))
	}
	executable, executableErr := os.Executable()
	if err := errors.Join(err, executableErr); err != nil {
		return err
	}
	if target.Device {
		if err := checkWritable(path, values); err != nil {
			return err
		}
	}
	run := local.Run{
		ID: id, Options: values, Target: target, Helper: append([]string{executable}, w.helperArgs()...),
		Log: terminal.NewLog(w.errOut, logrus.WarnLevel),
	}
	sink, err := openSink(ctx, w.acks, w.out, run.Journal())
	if err != nil {
		return err
	}
	writing := ctx
	if w.duration > 0 {
		var cancel context.CancelFunc
		writing, cancel = context.WithTimeout(ctx, w.duration)
		defer cancel()
	}
	style.Fprintf(w.errOut, "writing to %s\n", style.Whole(target.Journal))
	records, err := run.Write(writing, sink.add)
	style.Fprintf(w.errOut, "%s %s acknowledged; the journal stays at %s\n",
		judge.Count(records, "record"), judge.WasOrWere(records), style.Whole(target.Journal))
	return errors.Join(err, sink.close())
}

// checkWritable returns an error if a block device cannot be written with the options. It writes nothing.
func checkWritable(device string, values options.Values) error {
	if err := checkDevicePattern(values); err != nil {
		return err
	}
	if err := checkDeviceSize(device, values); err != nil {
		return err
	}
	return checkBlank(device)
}

// readCommand holds the flags of local read.
type readCommand struct {
	*localCommand
	flags   *pflag.FlagSet
	acks    string
	format  terminal.FormatFlag
	reading local.ReadOptions
	pattern string
	objects int
}

// newRead returns the command that only scans the journals of earlier writers.
func newRead(l *localCommand) *cobra.Command {
	r := &readCommand{localCommand: l}
	c := &cobra.Command{
		Use: "read DIR", Args: terminal.ExactArgs(1, "one folder"),
		Short: "Scan the journals in DIR, and print the scan results",
		RunE:  func(c *cobra.Command, args []string) error { return r.execute(c.Context(), c.InOrStdin(), args[0]) },
	}
	flags := terminal.NewFlagGroup("Flags")
	r.flags = flags.FlagSet
	flags.StringVar(&r.acks, "acks", "", "acknowledgements of the journal, a file or '-' for standard input: they name the "+
		"journal, its record size and its write pattern")
	flags.IntVar(&r.reading.RecordSize, "record-size", 256, "bytes per record, as set for the writer")
	flags.StringVar(&r.pattern, "write-pattern", string(pattern.Append), "write pattern, as set for the writer")
	flags.IntVar(&r.objects, "write-objects", 0,
		"number of slots or files of the write pattern, as set for the writer; 0 if it was not set")
	terminal.AddDuration(flags.FlagSet, &r.reading.Timeout, "verify-timeout", 5*time.Minute, time.Second,
		"time that reading a journal may take")
	r.format.AddTo(flags.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	terminal.AddFlagGroups(c, flags)
	return c
}

func (r *readCommand) execute(ctx context.Context, in io.Reader, folder string) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	helper := append([]string{executable}, r.helperArgs()...)
	if err := r.setJournal(in); err != nil {
		return err
	}
	r.reading.Announce = func(again protocol.Rereading) { style.Fprintf(r.errOut, "%s\n", again) }
	found, err := local.Read(ctx, helper, folder, r.reading)
	if err != nil {
		return err
	}
	return r.format.Write(r.out, found, func() (string, error) { return describe(found), nil })
}

// setJournal sets what the writer has used: from the acknowledgements or, without them, from the flags.
func (r *readCommand) setJournal(in io.Reader) error {
	if r.acks == "" {
		name := pattern.Name(r.pattern)
		r.reading.Layout = pattern.NewLayout(name, cmp.Or(r.objects, options.DefaultObjects(name)))
		if err := r.reading.Layout.Validate(); err != nil {
			return fmt.Errorf("--write-pattern, --write-objects: %w", err)
		}
		return nil
	}
	for _, name := range []string{"record-size", "write-pattern", "write-objects"} {
		if r.flags.Changed(name) {
			return fmt.Errorf("--acks and --%s exclude each other: the acknowledgements have the value", name)
		}
	}
	journal, acks, err := r.readAcks(in)
	if err != nil {
		return fmt.Errorf("--acks %s: %w", r.acks, err)
	}
	r.reading.ID, r.reading.RecordSize, r.reading.Layout = journal.ID, journal.RecordSize, journal.Layout
	r.reading.Acks = acks
	if r.reading.Layout.Pattern == "" {
		r.reading.Layout.Pattern = pattern.Append
	}
	return nil
}

// readAcks returns the acknowledgements, and the journal that they are about.
func (r *readCommand) readAcks(in io.Reader) (protocol.Journal, []ledger.Ack, error) {
	if r.acks != "-" {
		file, err := os.Open(r.acks)
		if err != nil {
			return protocol.Journal{}, nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	return protocol.ReadAcks(in)
}

// describe renders the journals for a terminal.
func describe(found []local.Found) string {
	var s strings.Builder
	for _, f := range found {
		fmt.Fprintf(&s, "%s\n  %s, %s, %s, read %s\n", f.Path,
			judge.Count(f.Scan.Bytes, "byte"), judge.Count(f.Scan.Records, "intact record"),
			damage(f.Scan.ScanReport), f.Scan.ReadMode)
		if f.Scan.SHA256 != "" {
			fmt.Fprintf(&s, "  SHA-256 %s\n", f.Scan.SHA256)
		}
		if f.Scan.Reread != nil {
			fmt.Fprintf(&s, "  %s\n", f.Scan.Reread)
		}
	}
	return s.String()
}

// damage counts what is damaged in a journal or in objects.
func damage(scan journal.ScanReport) string {
	if o := scan.Objects; o != nil {
		return judge.Count(len(o.Damage)+len(o.Misdirected)+len(o.Foreign), "damaged object")
	}
	return judge.Count(len(scan.Damage), "damaged range")
}
