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

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// verifyCommand holds the flags of the command verify.
type verifyCommand struct {
	streams              Streams
	format               terminal.FormatFlag
	journal              string
	ledger, bundle, cell string
	device               bool
}

func newVerify(streams Streams) *cobra.Command {
	v := &verifyCommand{streams: streams}
	c := &cobra.Command{
		Use:   "verify --journal FILE (--ledger FILE | --bundle FOLDER)",
		Short: "Check a journal against its ledger, without a cluster", Args: flagsOnly,
		Long: `Check a journal against its ledger, without a cluster.

The journal can be a file on a mounted volume, a copy of it, a block device, or the
image of a block device. verify scans and judges the journal in the same way as a run.

Exit codes:
  0    every acknowledged record is present and intact
  1    acknowledged data was lost or damaged, or could not be read
  2    the journal could not be checked
  130  the command was interrupted`,
		Example: `  # A copy of the journal, and the evidence bundle of its run
  volume-durability verify --journal logs.log --bundle volume-durability-5f6c

  # The ledger token that "durability-helper probe write" printed
  volume-durability verify --journal durability-0f1e2d3c4b5a6978.log \
    --ledger ledger1.0f1e2d3c4b5a6978.256.1.1000.89abcdef.01234567

  # The image of a block device
  volume-durability verify --journal disk.img --device --bundle volume-durability-5f6c`,
		RunE: func(c *cobra.Command, _ []string) error { return v.execute(c.Context()) },
	}
	flags := terminal.NewFlagGroup("Flags")
	flags.StringVar(&v.journal, "journal", "", "journal to check: a file or a block device")
	flags.StringVar(&v.ledger, "ledger", "", "ledger: the ledger.json of a bundle, a ledger token, a file with a "+
		"token, or the acknowledgements of 'local write'; '-' for standard input")
	flags.StringVar(&v.bundle, "bundle", "", "folder with the evidence bundle of the run that wrote the journal; with "+
		"it, verify also detects the loss of data that an earlier pod read")
	flags.StringVar(&v.cell, "cell", "", "name of the cell that wrote the journal, if the run had several")
	flags.BoolVar(&v.device, "device", false, "the journal is the image of a block device; it ends at the first "+
		"whole MiB of zeros after the acknowledged records")
	v.format.AddTo(flags.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	terminal.AddFlagGroups(c, flags)
	return c
}

// expectation is what the ledger and the bundle contain about a journal.
type expectation struct {
	Cell    string
	Format  journal.Format
	Acks    []ledger.Ack
	Earlier []journal.ScanReport
	Epochs  int
	Overlap bool
}

// verification is the output of the command.
type verification struct {
	Journal   string             `json:"journal"`
	Cell      string             `json:"cell,omitempty"`
	Verdict   judge.Verdict      `json:"verdict"`
	Reason    string             `json:"reason"`
	ReadMode  protocol.ReadMode  `json:"readMode,omitempty"`
	Acks      []ledger.Ack       `json:"acks"`
	SHA256    string             `json:"sha256,omitempty"`
	Scan      journal.ScanReport `json:"scan"`
	Judgement judge.Judgement    `json:"judgement"`
	format    journal.Format
}

func (v *verifyCommand) execute(ctx context.Context) error {
	if v.journal == "" || (v.ledger == "") == (v.bundle == "") {
		return errors.New("required flags: --journal, and either --ledger or --bundle")
	}
	expected, err := v.expectation(ctx)
	if err != nil {
		return err
	}
	outcome, err := v.judge(ctx, expected)
	if err != nil {
		return err
	}
	if err := v.format.Write(v.streams.Out, outcome, func() (string, error) { return outcome.text(), nil }); err != nil {
		return err
	}
	if code := terminal.ExitCode(outcome.Verdict); code != terminal.ExitOK {
		return &terminal.Exit{Code: code}
	}
	return nil
}

// expectation reads the ledger or the bundle.
func (v *verifyCommand) expectation(ctx context.Context) (expectation, error) {
	if v.bundle != "" {
		return v.fromBundle()
	}
	if strings.HasPrefix(v.ledger, ledger.TokenPrefix) {
		return fromToken(v.ledger)
	}
	content, err := readFileOrStdin(ctx, v.streams.In, v.ledger)
	if err != nil {
		return expectation{}, fmt.Errorf("--ledger: %w", err)
	}
	if text := strings.TrimSpace(string(content)); strings.HasPrefix(text, ledger.TokenPrefix) {
		return fromToken(text)
	}
	if bytes.HasPrefix(content, []byte("journal ")) {
		return v.fromAcks(content)
	}
	return v.fromLedgers(content)
}

// fromAcks reads the acknowledgements that local write has sent.
func (v *verifyCommand) fromAcks(content []byte) (expectation, error) {
	j, acks, err := protocol.ReadAcks(bytes.NewReader(content))
	if err == nil {
		err = ledger.Validate(j.Format, acks)
	}
	if err != nil {
		return expectation{}, fmt.Errorf("--ledger %s: %w", v.ledger, err)
	}
	e := expectation{Format: j.Format, Acks: acks}
	for _, a := range acks {
		e.Epochs = max(e.Epochs, a.Epoch)
	}
	return e, nil
}

// fromLedgers reads the ledger.json of a bundle.
func (v *verifyCommand) fromLedgers(content []byte) (expectation, error) {
	var ledgers []bundle.Ledger
	if err := json.Unmarshal(content, &ledgers); err != nil {
		return expectation{}, fmt.Errorf("--ledger %s: want the ledger.json of a bundle, or a token that begins with %s: %w",
			v.ledger, ledger.TokenPrefix, err)
	}
	var all []expectation
	for _, l := range ledgers {
		if err := validate(l); err != nil {
			return expectation{}, fmt.Errorf("--ledger %s: cell %q: %w", v.ledger, l.Cell, err)
		}
		all = append(all, expectation{Cell: l.Cell, Format: l.Journal, Acks: l.Acks, Epochs: l.Epochs, Overlap: l.Forced})
	}
	return v.choose(all)
}

// validate returns an error if a ledger cannot come from a run. The ledger of a cell that
// never wrote is empty.
func validate(l bundle.Ledger) error {
	if len(l.Acks) == 0 {
		return nil
	}
	if err := ledger.Validate(l.Journal, l.Acks); err != nil {
		return err
	}
	if last := l.Acks[len(l.Acks)-1].Epoch; l.Epochs < last {
		return fmt.Errorf("epochs=%d: want at least %d, the last epoch with an acknowledgement", l.Epochs, last)
	}
	return nil
}

func fromToken(text string) (expectation, error) {
	token, err := ledger.ParseToken(text)
	return expectation{Format: token.Format, Acks: []ledger.Ack{token.Ack}, Epochs: 1}, err
}

// fromBundle reads the bundle of a run, which must match its manifest.
func (v *verifyCommand) fromBundle() (expectation, error) {
	b, err := readFolder(v.bundle)
	if err != nil {
		return expectation{}, err
	}
	if err := b.Verify(); err != nil {
		return expectation{}, fmt.Errorf("the evidence bundle in %s does not match its manifest: %w", v.bundle, err)
	}
	r, err := b.Result()
	if err != nil {
		return expectation{}, err
	}
	var all []expectation
	for _, c := range r.Tested() {
		all = append(all, fromCell(c))
	}
	return v.choose(all)
}

func fromCell(c result.Cell) expectation {
	e := expectation{Cell: c.Spec.Name, Format: c.Journal, Acks: c.Acks, Epochs: len(c.Epochs), Overlap: c.Spec.Force}
	for _, read := range c.Reads() {
		if read.Epoch > 0 { // a writer's, not the reader's
			e.Earlier = append(e.Earlier, read.ScanResult.ScanReport)
		}
	}
	return e
}

// choose returns the cell that --cell names. Without the flag, the ID in the journal
// decides; if it has none, the cell without a name, which is then the only one besides a control.
func (v *verifyCommand) choose(all []expectation) (expectation, error) {
	if len(all) == 0 {
		return expectation{}, errors.New("the run has no tested cell: nothing was acknowledged, so there is nothing to check")
	}
	if v.cell == "" {
		if e, found := v.recognize(all); found {
			return e, nil
		}
	}
	var names []string
	for _, e := range all {
		if e.Cell == v.cell {
			return e, nil
		}
		names = append(names, fmt.Sprintf("%q", e.Cell))
	}
	return expectation{}, fmt.Errorf("--cell %q: want one of %s", v.cell, strings.Join(names, ", "))
}

// recognize returns the cell whose ID is in the first record of the journal.
func (v *verifyCommand) recognize(all []expectation) (expectation, bool) {
	file, err := os.Open(v.journal)
	if err != nil {
		return expectation{}, false
	}
	defer func() { _ = file.Close() }() // it was only read
	head := make([]byte, journal.MaxRecordSize)
	n, _ := io.ReadFull(file, head) // a shorter journal may contain an ID too
	for _, e := range all {
		if e.Format.ID != "" && bytes.Contains(head[:n], []byte(e.Format.ID)) {
			return e, true
		}
	}
	return expectation{}, false
}

// judge scans the journal and compares it with what is expected.
func (v *verifyCommand) judge(ctx context.Context, expected expectation) (verification, error) {
	outcome := verification{Journal: v.journal, Cell: expected.Cell, Acks: expected.Acks, format: expected.Format}
	if err := v.scan(ctx, expected, &outcome); err != nil {
		return outcome, err
	}
	outcome.Judgement = judge.Judge(judge.Input{
		Acks: expected.Acks, Scan: outcome.Scan, Earlier: expected.Earlier, Epochs: expected.Epochs,
		MayOverlap: expected.Overlap,
	})
	outcome.Verdict = outcome.Judgement.Verdict()
	outcome.Reason = outcome.reason()
	return outcome, nil
}

// scan scans the journal and adds what it found to the outcome.
func (v *verifyCommand) scan(ctx context.Context, expected expectation, outcome *verification) error {
	var points []journal.Point
	for _, ack := range expected.Acks {
		points = append(points, ack.Point)
	}
	file, err := openJournal(v.journal)
	if err != nil {
		// A wrong path is a mistake of the user, not a loss.
		return fmt.Errorf("--journal: %w", err)
	}
	var reader io.Reader = contextReader{ctx, file}
	acknowledged := int64(ledger.CountRecords(expected.Acks)) * int64(expected.Format.RecordSize)
	switch {
	case file.IsBlockDevice():
		file.SetMinimumLength(acknowledged)
	case v.device:
		reader = volume.NewImageReader(reader, acknowledged)
	}
	sum := sha256.New()
	outcome.Scan, err = journal.Scan(io.TeeReader(reader, sum), expected.Format, points)
	outcome.Scan.Unreadable, outcome.ReadMode = file.Unreadable(), file.ReadMode()
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("reading %s: %w", v.journal, err)
	}
	if len(outcome.Scan.Unreadable) == 0 {
		outcome.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	// A device always exists: its journal is present if it contains anything.
	outcome.Scan.Present = outcome.Scan.Bytes > 0 || !v.device && !file.IsBlockDevice()
	return nil
}

func (o verification) reason() string {
	acknowledged := o.Judgement.Acknowledged
	switch o.Verdict {
	case judge.Pass:
		if acknowledged == 1 {
			return "the only acknowledged record is intact"
		}
		return fmt.Sprintf("all %s are intact", judge.Count(acknowledged, "acknowledged record"))
	case judge.Fail:
		return fmt.Sprintf("%s; %s %s acknowledged", judge.Summary(o.Judgement.Findings),
			judge.Count(acknowledged, "record"), judge.WasOrWere(acknowledged))
	}
	return "nothing was acknowledged, so there is nothing to check"
}

// text renders the verification for a terminal.
func (o verification) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n  %s\n\n", terminal.Headline(o.Verdict), o.Reason)
	fmt.Fprintf(&s, "  journal       %s, %s, %s\n", o.Journal,
		judge.Count(o.Scan.Bytes, "byte"), judge.Count(o.Scan.Records, "intact record"))
	fmt.Fprintf(&s, "  journal ID    %s, %s per record\n", o.format.ID, judge.Count(o.format.RecordSize, "byte"))
	if o.SHA256 != "" {
		fmt.Fprintf(&s, "  SHA-256       %s\n", o.SHA256)
	}
	for _, ack := range o.Acks {
		fmt.Fprintf(&s, "  acknowledged  epoch %d up to sequence number %s\n", ack.Epoch, judge.FormatCount(ack.Seq))
	}
	s.WriteString(terminal.Details(result.Cell{Findings: o.Judgement.Findings, Notes: o.Judgement.Notes}))
	return s.String()
}
