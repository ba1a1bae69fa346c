package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// verifyCommand is what was asked of the command verify.
type verifyCommand struct {
	streams                Streams
	format                 formatFlag
	journal                string
	ledger, bundle, chosen string
	device                 bool
}

func newVerify(streams Streams) *cobra.Command {
	v := &verifyCommand{streams: streams}
	c := &cobra.Command{
		Use: "verify --journal FILE (--ledger FILE | --bundle FOLDER)", Short: "Hold a journal to a ledger, without a cluster", Args: noArguments,
		Long: `Hold a journal to a ledger, without a cluster: the same scan and the same judge as in
a run, for a file on a volume, a disk image that is mounted, or a device.

The exit code is 0 where everything acknowledged is there, 1 where it is not, 2 where
nobody can tell.`,
		Example: `  # a copy of the journal, and the evidence of the run that wrote it
  volume-durability verify --journal logs.log --bundle volume-durability-5f6c

  # what durability-helper probe write printed
  volume-durability verify --journal durability-0f1e2d3c4b5a6978.log --ledger ledger1.0f1e2d3c4b5a6978.256.1.1000.89abcdef.01234567

  # a raw device, or an image of one
  volume-durability verify --journal disk.img --device --bundle volume-durability-5f6c`,
		RunE: func(c *cobra.Command, _ []string) error { return v.execute(c.Context()) },
	}
	flags := newGroup("Flags")
	flags.StringVar(&v.journal, "journal", "", "the journal: a file or a device")
	flags.StringVar(&v.ledger, "ledger", "", "the ledger: a bundle's ledger.json, or the word that durability-helper probe write prints, or a file that holds it; - is standard input")
	flags.StringVar(&v.bundle, "bundle", "", "folder with the evidence of the run that wrote the journal; knows more than a ledger: what pods had read before")
	flags.StringVar(&v.chosen, "cell", "", "the cell whose journal it is, where the evidence is of several")
	flags.BoolVar(&v.device, "device", false, "the journal is the image of a raw device: it ends where nothing was ever written, as on a device itself")
	v.format.addTo(flags.FlagSet, formatJSON, formatYAML)
	groups(c, flags)
	return c
}

// promise is what a journal is held to.
type promise struct {
	Cell    string
	Format  journal.Format
	Acks    []ledger.Ack
	Earlier []journal.Report
	Epochs  int
	Overlap bool
}

// verification is the outcome, as data.
type verification struct {
	Journal    string            `json:"journal"`
	Cell       string            `json:"cell,omitempty"`
	Verdict    judge.Verdict     `json:"verdict"`
	Reason     string            `json:"reason"`
	ReadMode   protocol.ReadMode `json:"readMode,omitempty"`
	Acks       []ledger.Ack      `json:"acks"`
	SHA256     string            `json:"sha256,omitempty"`
	Report     journal.Report    `json:"report"`
	Judgement  judge.Judgement   `json:"judgement"`
	acceptance promise
}

func (v *verifyCommand) execute(ctx context.Context) error {
	if v.journal == "" || (v.ledger == "") == (v.bundle == "") {
		return errors.New("want --journal, and one of --ledger and --bundle")
	}
	held, err := v.promise(ctx)
	if err != nil {
		return err
	}
	outcome, err := v.judge(ctx, held)
	if err != nil {
		return err
	}
	if err := v.format.write(v.streams.Out, outcome, func() (string, error) { return outcome.text(), nil }); err != nil {
		return err
	}
	if code := codeFor(outcome.Verdict); code != Kept {
		return &exit{code: code}
	}
	return nil
}

// promise reads what the journal is to be held to.
func (v *verifyCommand) promise(ctx context.Context) (promise, error) {
	if v.bundle != "" {
		return v.ofBundle()
	}
	if strings.HasPrefix(v.ledger, ledger.TokenPrefix) {
		return ofToken(v.ledger)
	}
	read := func() ([]byte, error) { return os.ReadFile(v.ledger) }
	if v.ledger == "-" {
		read = func() ([]byte, error) { return allOf(ctx, v.streams.In) }
	}
	content, err := read()
	if err != nil {
		return promise{}, fmt.Errorf("--ledger: %w", err)
	}
	if text := strings.TrimSpace(string(content)); strings.HasPrefix(text, ledger.TokenPrefix) {
		return ofToken(text)
	}
	var ledgers []bundle.Ledger
	if err := json.Unmarshal(content, &ledgers); err != nil {
		return promise{}, fmt.Errorf("--ledger %s: want a bundle's ledger.json, or a word that begins with %s: %w", v.ledger, ledger.TokenPrefix, err)
	}
	var all []promise
	for _, l := range ledgers {
		if err := check(l); err != nil {
			return promise{}, fmt.Errorf("--ledger %s: cell %q: %w", v.ledger, l.Cell, err)
		}
		all = append(all, promise{Cell: l.Cell, Format: l.Journal, Acks: l.Acks, Epochs: l.Epochs, Overlap: l.Forced})
	}
	return v.choose(all)
}

// check refuses a cell's ledger that somebody has changed, where that can be seen. One of
// a cell that came to no journal holds it to nothing.
func check(l bundle.Ledger) error {
	if len(l.Acks) == 0 {
		return nil
	}
	if err := ledger.Validate(l.Journal, l.Acks); err != nil {
		return err
	}
	if last := l.Acks[len(l.Acks)-1].Epoch; l.Epochs < last {
		return fmt.Errorf("epochs=%d: want how many writers there were: epoch %d acknowledged something", l.Epochs, last)
	}
	return nil
}

func ofToken(text string) (promise, error) {
	token, err := ledger.ParseToken(text)
	return promise{Format: token.Format, Acks: []ledger.Ack{token.Ack}, Epochs: 1}, err
}

// ofBundle reads it from the evidence of a run, which must be as it was left.
func (v *verifyCommand) ofBundle() (promise, error) {
	b, err := folderOf(v.bundle)
	if err != nil {
		return promise{}, err
	}
	if err := b.Verify(); err != nil {
		return promise{}, fmt.Errorf("the evidence in %s is not as its manifest says: %w", v.bundle, err)
	}
	result, err := b.Result()
	if err != nil {
		return promise{}, err
	}
	var all []promise
	for _, c := range result.Cells {
		if !c.Plan.Control {
			all = append(all, ofCell(c))
		}
	}
	return v.choose(all)
}

func ofCell(c result.Cell) promise {
	p := promise{Cell: c.Plan.Name, Format: c.Journal, Acks: c.Acks, Epochs: len(c.Epochs), Overlap: c.Plan.Force}
	for _, e := range c.Epochs {
		if e.InitialRead != nil {
			p.Earlier = append(p.Earlier, e.InitialRead.ScanResult.Report)
		}
	}
	return p
}

// choose takes the cell that was asked for. The journal itself says whose it is where
// nothing was asked. One that does not is that of the cell without a name: beside it
// is at most the control.
func (v *verifyCommand) choose(all []promise) (promise, error) {
	if len(all) == 0 {
		return promise{}, errors.New("the evidence is of no cell: nothing was acknowledged, and there is nothing to hold a journal to")
	}
	if v.chosen == "" {
		if p, found := v.recognize(all); found {
			return p, nil
		}
	}
	var names []string
	for _, p := range all {
		if p.Cell == v.chosen {
			return p, nil
		}
		names = append(names, fmt.Sprintf("%q", p.Cell))
	}
	return promise{}, fmt.Errorf("--cell %q: want one of %s", v.chosen, strings.Join(names, ", "))
}

// recognize finds the cell whose journal begins as this one does.
func (v *verifyCommand) recognize(all []promise) (promise, bool) {
	file, err := os.Open(v.journal)
	if err != nil {
		return promise{}, false
	}
	defer func() { _ = file.Close() }() // it was only read
	head := make([]byte, journal.MaxRecordSize)
	n, _ := io.ReadFull(file, head) // a shorter one may still say whose it is
	for _, p := range all {
		if p.Format.ID != "" && bytes.Contains(head[:n], []byte(p.Format.ID)) {
			return p, true
		}
	}
	return promise{}, false
}

// judge scans the journal and holds it to the promise.
func (v *verifyCommand) judge(ctx context.Context, held promise) (verification, error) {
	outcome := verification{Journal: v.journal, Cell: held.Cell, Acks: held.Acks, acceptance: held}
	var points []journal.Point
	for _, p := range held.Acks {
		points = append(points, p.Point)
	}
	file, err := openJournal(v.journal)
	if err != nil {
		// That a file is not where somebody looks for it is not the storage's fault.
		return outcome, fmt.Errorf("--journal: %w", err)
	}
	var reader io.Reader = interruptible{ctx, file}
	promised := int64(ledger.CountRecords(held.Acks)) * int64(held.Format.Size)
	switch {
	case file.IsDevice():
		file.Promised(promised)
	case v.device:
		reader = volume.Image(reader, promised)
	}
	sum := sha256.New()
	outcome.Report, err = journal.Scan(io.TeeReader(reader, sum), held.Format, points)
	outcome.Report.Unreadable, outcome.ReadMode = file.Unreadable(), file.ReadMode()
	if err := errors.Join(err, file.Close()); err != nil {
		return outcome, fmt.Errorf("reading %s: %w", v.journal, err)
	}
	if len(outcome.Report.Unreadable) == 0 {
		outcome.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	// A device is always there; a journal is on it where anything is.
	outcome.Report.Present = outcome.Report.Bytes > 0 || !v.device && !file.IsDevice()
	outcome.Judgement = judge.Judge(judge.Input{Acks: held.Acks, Report: outcome.Report, Earlier: held.Earlier, Epochs: held.Epochs, MayOverlap: held.Overlap})
	outcome.Verdict = outcome.Judgement.Verdict()
	outcome.Reason = outcome.reason()
	return outcome, nil
}

func (o verification) reason() string {
	switch o.Verdict {
	case judge.Pass:
		return fmt.Sprintf("all %s acknowledged records are there", judge.FormatCount(o.Judgement.Acknowledged))
	case judge.Fail:
		return fmt.Sprintf("%s; %s records were acknowledged", judge.Summary(o.Judgement.Findings), judge.FormatCount(o.Judgement.Acknowledged))
	}
	return "nothing was acknowledged: nothing was at stake"
}

// text is the outcome as a person reads it.
func (o verification) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n  %s\n", headline(o.Verdict), o.Reason)
	fmt.Fprintf(&s, "\n  journal   %s, %d bytes, %d intact records\n  identity  %s, %d bytes a record\n", o.Journal, o.Report.Bytes, o.Report.Records, o.acceptance.Format.ID, o.acceptance.Format.Size)
	if o.SHA256 != "" {
		fmt.Fprintf(&s, "  SHA-256   %s\n", o.SHA256)
	}
	for _, p := range o.Acks {
		fmt.Fprintf(&s, "  promised  epoch %d up to sequence %d\n", p.Epoch, p.Seq)
	}
	s.WriteString(details(result.Cell{Findings: o.Judgement.Findings, Notes: o.Judgement.Notes}))
	return s.String()
}
