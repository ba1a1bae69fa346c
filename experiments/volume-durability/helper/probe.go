package main

import (
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
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// kept is what a verification prints that found everything.
const kept = "kept"

// probe carries out one half of a check around a fault that is not ours: write
// before it, verify after it. Whoever runs the halves takes all of their output for
// the result, and hands that of the first to the second. So out gets one line, and
// only where a half could be carried out.
func probe(args []string, out, aside io.Writer) error {
	if len(args) == 0 {
		return errors.New("want a half of the check: probe write or probe verify")
	}
	flags := flag.NewFlagSet("durability-helper probe "+args[0], flag.ContinueOnError)
	flags.SetOutput(aside)
	folder := flags.String("folder", "", "folder on the volume, at or below where it is mounted")
	var half func() error
	switch args[0] {
	case "write":
		half = writeHalf(flags, folder, out)
	case "verify":
		half = verifyHalf(flags, folder, out, aside)
	default:
		return fmt.Errorf("unknown half %q: want probe write or probe verify", args[0])
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *folder == "" || flags.NArg() > 0 {
		return fmt.Errorf("want --folder and no other arguments than flags, got %q", flags.Args())
	}
	return half()
}

// writeHalf leaves a journal behind and prints its ledger.
func writeHalf(flags *flag.FlagSet, folder *string, out io.Writer) func() error {
	records := flags.Int("records", 1000, "records to write")
	size := flags.Int("record-size", 256, "bytes a record")
	return func() error {
		if *records < 1 {
			return fmt.Errorf("--records %d: want 1 or more", *records)
		}
		token, err := leaveJournal(*folder, *size, *records)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, token)
		return err
	}
}

// verifyHalf prints what has become of the journal that a ledger is of.
func verifyHalf(flags *flag.FlagSet, folder *string, out, aside io.Writer) func() error {
	text := flags.String("ledger", "", "what probe write printed")
	remove := flags.Bool("remove", false, "remove the journal if all of it was there; verify cannot be repeated then")
	return func() error {
		token, err := ledger.ParseToken(*text)
		if err != nil {
			return err
		}
		path, findings, err := verify(*folder, token)
		if err != nil {
			return err
		}
		if len(findings) > 0 {
			// Litmus takes an expected value apart at its commas: none is printed.
			found := strings.ReplaceAll(judge.Summary(findings), ",", "")
			_, err := fmt.Fprintf(out, "lost: %s; file %s\n", found, path)
			return err
		}
		if err := tidy(path, *remove, aside); err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, kept)
		return err
	}
}

// tidy removes a journal of which all is there, or says that it stays.
func tidy(path string, remove bool, aside io.Writer) error {
	if !remove {
		_, err := fmt.Fprintf(aside, "%s is left\n", path)
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("all of the journal was there, but it could not be removed: %w", err)
	}
	return nil
}

// journalOn is where the journal of an identity is in a folder. The folder must be
// on a volume: what is written into a container goes with it, and that is
// nobody's fault but ours.
func journalOn(folder, id string) (string, error) {
	path := filepath.Join(folder, "durability-"+id+".log")
	mount, err := volume.MountOf(path)
	if err != nil {
		return "", fmt.Errorf("looking up the mount of %s: %w", path, err)
	}
	if mount.Point == "/" {
		return "", fmt.Errorf("%s is on the container's own filesystem: mount a volume there", folder)
	}
	return path, nil
}

// leaveJournal writes a journal of its own, which no other can be, and returns its ledger.
func leaveJournal(folder string, size, records int) (ledger.Token, error) {
	format := journal.Format{ID: fmt.Sprintf("%016x", rand.Uint64()), Size: size}
	if err := format.Validate(); err != nil {
		return ledger.Token{}, err
	}
	path, err := journalOn(folder, format.ID)
	if err != nil {
		return ledger.Token{}, err
	}
	file, err := volume.Create(path)
	if err != nil {
		return ledger.Token{}, fmt.Errorf("creating %s: %w", path, err)
	}
	last, err := fill(file, format, records)
	if err := errors.Join(err, file.Close()); err != nil {
		// Nothing was promised of it, so nobody will ask for it.
		return ledger.Token{}, errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(path))
	}
	return ledger.Token{Format: format, Ack: ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Sum}}, nil
}

// fill writes records to a new journal and makes them durable. It returns the last of them.
func fill(file journal.File, format journal.Format, records int) (last journal.Record, err error) {
	w, err := journal.NewWriter(file, format, 1, 0, false)
	if err != nil {
		return last, err
	}
	for left := records; left > 0; {
		n := min(left, maxCommit/format.Size)
		if last, err = w.Commit(n, time.Now); err != nil {
			return last, err
		}
		left -= n
	}
	return last, nil
}

// verify holds a journal to its ledger. A volume that cannot be read, after it had
// promised, is a finding; what need not be its fault is an error.
func verify(folder string, token ledger.Token) (path string, findings []judge.Finding, err error) {
	var found protocol.ScanResult
	path, err = journalOn(folder, token.ID)
	if err == nil {
		t := task{
			file: path, format: token.Format, points: []journal.Point{token.Ack.Point},
			// Nobody listens: the one line that is printed is the result.
			patience: patience{out: io.Discard, after: stallAfter},
		}
		found, err = t.scan(io.Discard)
	}
	if class := judge.ClassOfError(err); class != "" {
		return path, []judge.Finding{{Class: class, Detail: err.Error()}}, nil
	}
	if err != nil {
		return path, nil, err
	}
	judged := judge.Judge(judge.Input{Acks: []ledger.Ack{token.Ack}, Report: found.Report, Epochs: 1})
	return path, judged.Findings, nil
}
