package helper

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// resultKept is what probe verify prints if no acknowledged record was lost.
const resultKept = "kept"

const probeUsage = `Usage:
  durability-helper probe write --folder FOLDER [flags]                    write a journal and print its ledger token
  durability-helper probe verify --folder FOLDER --ledger TOKEN [flags]    check the journal against its ledger token

"durability-helper probe COMMAND --help" lists the flags.
`

// probe runs one of the two command probes around another fault. Litmus
// takes all of a probe's output as its result, and passes the result of probe write to
// probe verify. Stdout therefore gets exactly one line, and none after an error.
func probe(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("a probe is required: probe write or probe verify")
	}
	if isHelp(args[0]) {
		_, err := fmt.Fprint(stdout, probeUsage)
		return err
	}
	flags := flag.NewFlagSet("durability-helper probe "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	folder := flags.String("folder", "", "folder on the volume: the mount point, or a folder below it")
	var runProbe func() error
	switch args[0] {
	case "write":
		runProbe = probeWrite(flags, folder, stdout)
	case "verify":
		runProbe = probeVerify(ctx, flags, folder, stdout, stderr)
	default:
		return fmt.Errorf("unknown probe %q: want probe write or probe verify", args[0])
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *folder == "" || flags.NArg() > 0 {
		return fmt.Errorf("--folder is required, and no other arguments are accepted: got %q", flags.Args())
	}
	return runProbe()
}

// probeWrite returns the probe that writes a journal and prints the token of its ledger.
func probeWrite(flags *flag.FlagSet, folder *string, stdout io.Writer) func() error {
	records := flags.Int("records", 1000, "number of records to write")
	size := flags.Int("record-size", 256, "bytes per record")
	return func() error {
		if *records < 1 {
			return fmt.Errorf("--records %d: want 1 or more", *records)
		}
		token, err := writeJournal(*folder, *size, *records)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, token)
		return err
	}
}

// probeVerify returns the probe that checks a journal against its ledger.
func probeVerify(
	ctx context.Context, flags *flag.FlagSet, folder *string, stdout, stderr io.Writer,
) func() error {
	text := flags.String("ledger", "", "the output of probe write")
	remove := flags.Bool("remove", false, "remove the journal if nothing was lost; verify cannot be repeated then")
	return func() error {
		token, err := ledger.ParseToken(*text)
		if err != nil {
			return err
		}
		path, findings, err := verify(ctx, *folder, token, volume.MountOf, stderr)
		if err != nil {
			return err
		}
		if len(findings) > 0 {
			// Litmus splits an expected value at its commas.
			summary := strings.ReplaceAll(judge.Summary(findings), ",", "")
			_, err := fmt.Fprintf(stdout, "lost: %s; file %s\n", summary, path)
			return err
		}
		if err := cleanUp(path, *remove, stderr); err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, resultKept)
		return err
	}
}

// cleanUp removes a journal that lost nothing, or reports that the journal was not removed.
func cleanUp(path string, remove bool, stderr io.Writer) error {
	if !remove {
		_, err := fmt.Fprintf(stderr, "%s was not removed\n", path)
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("no record was lost, but the journal could not be removed: %w", err)
	}
	return nil
}

// journalPath returns the path of a journal in a folder, also with an error. The folder must be on a volume:
// a journal on the container's own filesystem is lost with the container.
func journalPath(folder, id string) (path string, err error) {
	path = filepath.Join(folder, "durability-"+id+".log")
	mount, err := volume.MountOf(path)
	if err != nil {
		return path, fmt.Errorf("looking up the mount of %s: %w", path, err)
	}
	if mount.Point == "/" {
		return path, fmt.Errorf("%s is on the container's own filesystem: mount a volume there", folder)
	}
	return path, nil
}

// writeJournal writes a journal with a random ID, and returns the token of its ledger.
func writeJournal(folder string, size, records int) (ledger.Token, error) {
	format := journal.Format{ID: fmt.Sprintf("%016x", rand.Uint64()), RecordSize: size}
	if err := format.Validate(); err != nil {
		return ledger.Token{}, err
	}
	path, err := journalPath(folder, format.ID)
	if err != nil {
		return ledger.Token{}, err
	}
	file, err := volume.Create(path)
	if err != nil {
		return ledger.Token{}, fmt.Errorf("creating %s: %w", path, err)
	}
	last, err := writeRecords(file, format, records)
	if err := errors.Join(err, file.Close()); err != nil {
		// No record was acknowledged, so the journal is of no use.
		return ledger.Token{}, errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(path))
	}
	ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Checksum}
	return ledger.Token{Format: format, Ack: ack}, nil
}

// writeRecords commits records to a new journal, and returns the last of them.
func writeRecords(file journal.File, format journal.Format, records int) (last journal.Record, err error) {
	w, err := journal.NewWriter(file, format, 1, 0, false)
	if err != nil {
		return last, err
	}
	for remaining := records; remaining > 0; {
		n := min(remaining, pattern.MaxCommitBytes/format.RecordSize)
		if last, err = w.Commit(n, time.Now); err != nil {
			return last, err
		}
		remaining -= n
	}
	return last, nil
}

// verify checks a journal against its ledger. If the volume cannot be read although it
// acknowledged records, that is a finding. A failure with another possible cause is an
// error.
func verify(
	ctx context.Context, folder string, token ledger.Token, mountOf func(string) (protocol.Mount, error),
	stderr io.Writer,
) (path string, findings []judge.Finding, err error) {
	path, found, err := scanJournal(ctx, folder, token, mountOf, stderr)
	if found.Reread != nil {
		_, printErr := fmt.Fprintln(stderr, found.Reread)
		err = errors.Join(err, printErr)
	}
	if class := judge.ClassOfError(err); class != "" {
		return path, []judge.Finding{{Class: class, Detail: err.Error()}}, nil
	}
	if err != nil {
		return path, nil, err
	}
	judged := judge.Judge(judge.Input{Acks: []ledger.Ack{token.Ack}, Scan: found.ScanReport, Epochs: 1})
	return path, judged.Findings, nil
}

func scanJournal(
	ctx context.Context, folder string, token ledger.Token, mountOf func(string) (protocol.Mount, error),
	stderr io.Writer,
) (path string, found protocol.ScanResult, err error) {
	path, err = journalPath(folder, token.ID)
	if err != nil {
		return path, found, err
	}
	t := task{
		file: path, format: token.Format, points: []journal.Point{token.Ack.Point}, mountOf: mountOf,
		// A Stall would be a second line on stdout.
		stallWatch: stallWatch{out: io.Discard, timeout: volume.StallTimeout},
		announce:   func(r protocol.Rereading) { _, _ = fmt.Fprintln(stderr, r) },
	}
	found, err = t.settled(ctx, func() (protocol.ScanResult, error) { return t.scan(io.Discard) })
	return path, found, err
}
