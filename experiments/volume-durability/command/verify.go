package command

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/reread"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// verifyCommand holds the flags of the command verify.
type verifyCommand struct {
	streams              Streams
	format               terminal.FormatFlag
	journal              string
	ledger, acks, bundle string
	cell                 string
	device               bool
	// open opens the journal.
	open func(path string) (journalFile, error)
	// mountOf returns the mount that holds a path.
	mountOf func(path string) (protocol.Mount, error)
	// stallTimeout is how long a call to the storage may take before it is reported.
	stallTimeout time.Duration
}

func newVerify(streams Streams) *cobra.Command {
	v := &verifyCommand{
		streams: streams, open: openJournal, mountOf: mountOf, stallTimeout: volume.StallTimeout,
	}
	c := &cobra.Command{
		Use:   "verify --journal PATH (--ledger FILE|TOKEN | --acks FILE | --bundle FOLDER|FILE)",
		Short: "Check a journal against its ledger, without a cluster", Args: flagsOnly,
		Long: `Check a journal against its ledger, without a cluster.

The journal can be a file on a mounted volume, a copy of it, a block device, or the
image of a block device. With the write patterns replace, create, remove, recycle and mixed,
it is the folder with the files. A bundle, its ledger.json and the acknowledgements of local
write have the write pattern. verify scans and judges the journal in the same way as a run.
If the journal does not exist, but its parent folder does, the journal counts as lost.

Exit codes:
  0    no acknowledged data was lost or damaged
  1    acknowledged data was lost or damaged, or could not be read
  2    the journal could not be checked
  130  the command was interrupted`,
		Example: `  # A copy of the journal, and the evidence bundle of its run
  volume-durability verify --journal logs.log --bundle volume-durability-5f6c

  # The ledger token that "durability-helper probe write" printed
  volume-durability verify --journal durability-0f1e2d3c4b5a6978.log --ledger TOKEN

  # The write pattern create: logs.log is a folder with the files
  volume-durability verify --journal copy/logs.log --bundle volume-durability-5f6c

  # The image of a block device
  volume-durability verify --journal disk.img --device --bundle volume-durability-5f6c`,
		RunE: func(c *cobra.Command, _ []string) error { return v.execute(c.Context()) },
	}
	flags := terminal.NewFlagGroup("Flags")
	flags.StringVar(&v.journal, "journal", "", "journal to check: a file, a block device, or the folder with the files "+
		"of the write patterns replace, create, remove, recycle and mixed")
	flags.StringVar(&v.ledger, "ledger", "", "ledger: the ledger.json of a bundle, a ledger token, a file with a "+
		"token, or the same as --acks; '-' for standard input")
	flags.StringVar(&v.acks, "acks", "", "file with the acknowledgements of 'local write' or with the output of "+
		"durability-helper write; '-' for standard input")
	flags.StringVar(&v.bundle, "bundle", "", "evidence bundle of the run that wrote the journal: a folder or the start "+
		"of its name, a packed bundle (.tar.gz) or a result.json; without a bundle, verify cannot "+
		"detect that a volume was rolled back: only a bundle has what earlier writers read")
	flags.StringVar(&v.cell, "cell", "", "cell that wrote the journal, if the run had several: its name in the table")
	flags.BoolVar(&v.device, "device", false, "the journal is the image of a block device; it ends at the first "+
		"whole MiB of zeros after the acknowledged records")
	v.format.AddTo(flags.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	terminal.AddFlagGroups(c, flags)
	return c
}

// expectation is what the ledger and the bundle contain about a journal.
type expectation struct {
	// Cell is zero if the ledger does not name it.
	Cell    options.CellSpec
	Format  journal.Format
	Acks    []ledger.Ack
	Earlier []journal.ScanReport
	Epochs  int
	Overlap bool
	// Layout has the objects of the write pattern; zero for the write pattern append.
	Layout pattern.Layout
}

// input is what a scan is judged by.
func (e expectation) input(scan journal.ScanReport) judge.Input {
	return judge.Input{
		Layout: e.Layout, Acks: e.Acks, Scan: scan, Earlier: e.Earlier, Epochs: e.Epochs, MayOverlap: e.Overlap,
	}
}

// verification is the output of the command.
type verification struct {
	Journal  string            `json:"journal"`
	Cell     string            `json:"cell,omitempty"`
	Layout   pattern.Layout    `json:"layout,omitzero"`
	Verdict  judge.Verdict     `json:"verdict"`
	Reason   string            `json:"reason"`
	ReadMode protocol.ReadMode `json:"readMode,omitempty"`
	Acks     []ledger.Ack      `json:"acks"`
	// Reread describes that the journal was read again; absent if it was read once.
	Reread    *protocol.Reread   `json:"reread,omitempty"`
	SHA256    string             `json:"sha256,omitempty"`
	Scan      journal.ScanReport `json:"scan"`
	Judgement judge.Judgement    `json:"judgement"`
	format    journal.Format
	// scanned reports whether the journal could be read, or was missing.
	scanned bool
	missing bool
}

func (v *verifyCommand) execute(ctx context.Context) error {
	sources := 0
	for _, flag := range []string{v.ledger, v.acks, v.bundle} {
		if flag != "" {
			sources++
		}
	}
	if v.journal == "" || sources != 1 {
		return errors.New("required flags: --journal, and one of --ledger, --acks and --bundle")
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

// expectation reads the ledger, the acknowledgements or the bundle.
func (v *verifyCommand) expectation(ctx context.Context) (expectation, error) {
	switch {
	case v.bundle != "":
		return v.fromBundle(ctx)
	case strings.HasPrefix(v.ledger, ledger.TokenPrefix):
		return fromToken(v.ledger)
	}
	flag, name := "--ledger", v.ledger
	if v.acks != "" {
		flag, name = "--acks", v.acks
	}
	content, err := readFileOrStdin(ctx, v.streams.In, name)
	if err != nil {
		return expectation{}, fmt.Errorf("%s: %w", flag, err)
	}
	text := strings.TrimSpace(string(content))
	var e expectation
	switch {
	case v.acks != "", bytes.HasPrefix(content, []byte("journal ")), bytes.HasPrefix(content, []byte("scan ")):
		e, err = fromOutput(content)
	case strings.HasPrefix(text, ledger.TokenPrefix):
		e, err = fromToken(text)
	default:
		e, err = v.fromLedgers(ctx, content)
	}
	if err != nil {
		return expectation{}, fmt.Errorf("%s %s: %w", flag, name, err)
	}
	return e, nil
}

// fromOutput reads what local write or the helper's write has printed.
func fromOutput(content []byte) (expectation, error) {
	o, err := protocol.ReadOutput(bytes.NewReader(content))
	if err == nil {
		err = ledger.Validate(o.Journal.Format, o.Acks)
	}
	return expectation{Format: o.Journal.Format, Layout: o.Journal.Layout, Acks: o.Acks, Epochs: o.Epochs}, err
}

// fromLedgers reads the ledger.json of a bundle.
func (v *verifyCommand) fromLedgers(ctx context.Context, content []byte) (expectation, error) {
	var ledgers []bundle.Ledger
	if err := json.Unmarshal(content, &ledgers); err != nil {
		return expectation{}, fmt.Errorf("want the ledger.json of a bundle, or a token that begins with %s: %w",
			ledger.TokenPrefix, err)
	}
	var all []expectation
	for _, l := range ledgers {
		if err := validate(l); err != nil {
			return expectation{}, fmt.Errorf("cell %q: %w", l.Cell, err)
		}
		all = append(all, expectation{
			Cell: options.CellSpec{Name: cmp.Or(l.Cell, l.DisplayName)}, Format: l.Journal, Acks: l.Acks, Epochs: l.Epochs,
			Overlap: l.Forced, Layout: l.Layout,
		})
	}
	return v.choose(ctx, all)
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
func (v *verifyCommand) fromBundle(ctx context.Context) (expectation, error) {
	path, err := findLocal(v.bundle)
	if err != nil {
		return expectation{}, fmt.Errorf("--bundle: %w", err)
	}
	if path == "" {
		return expectation{}, fmt.Errorf("--bundle %s: there is neither a file nor a folder with this name, and no run "+
			"in the current folder whose ID begins with it", v.bundle)
	}
	b, err := readLocal(path, bundle.Options{})
	if err != nil {
		return expectation{}, fmt.Errorf("--bundle: %w", err)
	}
	if err := b.Verify(); err != nil {
		return expectation{}, fmt.Errorf("the evidence bundle in %s does not match its manifest: %w", path, err)
	}
	r, err := b.Result()
	if err != nil {
		return expectation{}, err
	}
	var all []expectation
	for _, c := range r.Tested() {
		all = append(all, fromCell(c))
	}
	return v.choose(ctx, all)
}

func fromCell(c result.Cell) expectation {
	return expectation{
		Cell: c.Spec, Format: c.Journal, Acks: c.Acks, Epochs: c.Writers(), Layout: c.Layout, Earlier: c.WriterScans(),
		Overlap: c.Spec.Force && !c.IsLocal(), // a local run waits until a killed process is gone
	}
}

// choose returns the cell that --cell names. Without the flag, the ID in the journal
// decides; if it has none, the only cell besides a control.
func (v *verifyCommand) choose(ctx context.Context, all []expectation) (expectation, error) {
	if len(all) == 0 {
		return expectation{}, errors.New("the run has no tested cell: nothing was acknowledged, so there is nothing to check")
	}
	if v.cell == "" {
		e, found, err := v.recognize(ctx, all)
		if err != nil || found {
			return e, err
		}
	}
	cells := make([]options.CellSpec, len(all))
	for i, e := range all {
		cells[i] = e.Cell
	}
	if v.cell != "" {
		if slices.Contains(cells, options.CellSpec{}) {
			return expectation{}, fmt.Errorf("--cell %s: the tested cell has no name: omit --cell", v.cell)
		}
		i, err := terminal.FindCell(v.cell, cells)
		if err != nil {
			return expectation{}, err
		}
		return all[i], nil
	}
	isControl := func(e expectation) bool { return e.Cell.Name == options.ControlName }
	if tested := slices.DeleteFunc(slices.Clone(all), isControl); len(tested) == 1 {
		return tested[0], nil
	}
	var names []string
	for _, c := range cells {
		names = append(names, c.DisplayName())
	}
	return expectation{}, fmt.Errorf("--cell is required, because the journal has no record that names its cell: "+
		"want one of %s", strings.Join(names, ", "))
}

// recognize returns the cell whose ID is in the first record of the journal.
func (v *verifyCommand) recognize(ctx context.Context, all []expectation) (e expectation, found bool, err error) {
	head, err := await(ctx, func() ([]byte, error) { return v.readHead(), nil })
	if err != nil {
		return expectation{}, false, err
	}
	for _, e := range all {
		if e.Format.ID != "" && bytes.Contains(head, []byte(e.Format.ID)) {
			return e, true, nil
		}
	}
	return expectation{}, false, nil
}

// readHead returns the first bytes of the journal, as far as they can be read.
func (v *verifyCommand) readHead() (head []byte) {
	_ = v.watch("reading", func() error { // the scan reports an error
		path, err := v.firstFile()
		if err == nil {
			err = checkMode(path)
		}
		if err != nil {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // it was only read
		head = make([]byte, journal.MaxRecordSize)
		n, err := io.ReadFull(file, head) // a shorter journal may contain an ID too
		head = head[:n]
		return err
	})
	return head
}

// checkMode returns an error for a journal that exists and is neither a regular file nor a block device.
func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return volume.CheckJournalMode(path, info.Mode())
}

// watch makes a call to the storage, and prints a message if the call does not return in time.
func (v *verifyCommand) watch(op string, call func() error) error {
	report := func(elapsed time.Duration, ended bool) {
		outcome := "has not returned for"
		if ended {
			outcome = "returned after"
		}
		style.Fprintf(v.streams.ErrOut, "%s %s %s %s\n", op, v.journal, outcome, elapsed.Round(time.Millisecond))
	}
	return volume.WatchCall(v.stallTimeout, report, call)
}

// judge scans the journal and compares it with what is expected.
func (v *verifyCommand) judge(ctx context.Context, expected expectation) (verification, error) {
	outcome := verification{
		Journal: v.journal, Layout: expected.Layout, Acks: expected.Acks, format: expected.Format,
	}
	if expected.Cell != (options.CellSpec{}) {
		outcome.Cell = expected.Cell.DisplayName()
	}
	found, err := await(ctx, func() (scanned, error) { return v.settled(ctx, expected) })
	class := judge.ClassOfError(err)
	switch {
	case err == nil:
		outcome.scanned, outcome.missing = true, found.missing
		outcome.SHA256, outcome.ReadMode, outcome.Scan = found.sha256, found.readMode, found.report
		outcome.Reread = found.reread
		outcome.Judgement = judge.Judge(expected.input(outcome.Scan))
		outcome.Judgement.Notes = append(outcome.Judgement.Notes, v.notes(outcome)...)
	case ctx.Err() == nil && class != "" && len(expected.Acks) > 0:
		outcome.Scan.Format = expected.Format
		outcome.Judgement = judge.Judgement{
			Acknowledged: ledger.CountRecords(expected.Acks),
			Findings:     []judge.Finding{{Class: class, Detail: err.Error()}},
		}
	default:
		return outcome, err
	}
	outcome.Verdict = outcome.Judgement.Verdict()
	outcome.Reason = outcome.reason()
	return outcome, nil
}

// notes returns what else a user should know about the scan.
func (v *verifyCommand) notes(o verification) []string {
	var notes []string
	if o.missing && len(o.Acks) > 0 {
		notes = append(notes, v.describeMissing()+": check that --journal has the right path")
	}
	if v.hasNoObject(o) {
		notes = append(notes, "no file in "+v.journal+" has the name of an object: check that --journal has the right path")
	}
	if o.Reread != nil {
		notes = append(notes, o.Reread.String())
	}
	if limit := verdict.RemovalsNotTested(o.Layout, o.Acks); limit != "" {
		notes = append(notes, limit)
	}
	if n := judge.TrailingBytes(o.Scan, o.Judgement.Findings); n > 0 {
		notes = append(notes, fmt.Sprintf("%s after the last record, which no writer of this journal wrote",
			judge.Count(n, "byte")))
	}
	return notes
}

// describeMissing describes what exists of the path of a journal that is missing.
func (v *verifyCommand) describeMissing() string {
	folder := filepath.Dir(v.journal)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return v.journal + " and the run's folder " + folder + " do not exist"
	}
	return v.journal + " does not exist, but its folder does"
}

// scanned is what a scan of the journal found.
type scanned struct {
	report   journal.ScanReport
	readMode protocol.ReadMode
	sha256   string
	// missing reports whether there was no file.
	missing bool
	// reread is nil if the journal was read once.
	reread *protocol.Reread
}

// settled makes a scan, and repeats it while the mount may show an older state of the volume than was acknowledged.
func (v *verifyCommand) settled(ctx context.Context, expected expectation) (scanned, error) {
	found, again, err := reread.Reading[scanned]{
		Path: v.journal, MountOf: v.mountOf,
		Announce: func(r protocol.Rereading) { style.Fprintf(v.streams.ErrOut, "%s\n", r) },
		Read:     func() (scanned, error) { return v.scan(ctx, expected) },
		Present:  func(found scanned) bool { return found.report.Present },
		Expected: func(found scanned) judge.Input { return expected.input(found.report) },
	}.Do(ctx)
	found.reread = again
	if again != nil && err != nil {
		err = fmt.Errorf("%w; %s", err, again.Attempt())
	}
	return found, err
}

// scan scans the journal or the objects.
func (v *verifyCommand) scan(ctx context.Context, expected expectation) (found scanned, err error) {
	if err := v.checkPath(expected.Layout); err != nil {
		return found, err
	}
	if expected.Layout.Pattern.HasObjects() {
		return v.scanObjects(expected)
	}
	var file journalFile
	err = v.watch("opening", func() (err error) {
		if err = checkMode(v.journal); err == nil {
			file, err = v.open(v.journal)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) && v.isFolderPresent() {
		return v.missing(expected), nil
	}
	if err != nil {
		return found, fmt.Errorf("--journal: %w", err)
	}
	points := expected.points()
	var reader io.Reader = watchedReader{contextReader{ctx, file}, v}
	acknowledged := int64(ledger.CountRecords(expected.Acks)) * int64(expected.Format.RecordSize)
	switch {
	case file.IsBlockDevice():
		file.SetMinimumLength(acknowledged)
	case v.device:
		reader = volume.NewImageReader(reader, acknowledged)
	}
	sum := sha256.New()
	tee := volume.NewTee(reader, sum)
	found.report, err = journal.Scan(tee, expected.Format, points)
	found.report.Unreadable, found.readMode = file.Unreadable(), file.ReadMode()
	err = errors.Join(err, tee.Close(), file.Close())
	if errors.Is(err, fs.ErrNotExist) { // the server of some FUSE filesystems is not asked before the first read
		return v.missing(expected), nil
	}
	if err != nil {
		return found, fmt.Errorf("reading %s: %w", v.journal, err)
	}
	if len(found.report.Unreadable) == 0 {
		found.sha256 = hex.EncodeToString(sum.Sum(nil))
	}
	// A device always exists: its journal is present if it contains anything.
	found.report.Present = found.report.Bytes > 0 || !v.device && !file.IsBlockDevice()
	return found, v.checkIsJournal(found.report)
}

// missing returns the scan of a journal that is not there.
func (v *verifyCommand) missing(expected expectation) scanned {
	return scanned{report: journal.ScanReport{Format: expected.Format}, missing: true}
}

// isFolderPresent reports whether the folder of the journal exists, or the folder that contained the run's own folder.
// A journal that is not there is lost then. Otherwise the path is a mistake.
func (v *verifyCommand) isFolderPresent() bool {
	folder := filepath.Dir(v.journal)
	return nil == v.watch("looking up the folder of", func() error {
		_, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(filepath.Base(folder), volume.FolderPrefix) {
			_, err = os.Stat(filepath.Dir(folder))
		}
		return err
	})
}

// checkIsJournal returns an error for a file that contains other data and no part of any journal. Such a file was most
// likely named by mistake.
func (v *verifyCommand) checkIsJournal(report journal.ScanReport) error {
	read := result.JournalRead{ScanResult: protocol.ScanResult{ScanReport: report}}
	isPartial := func(d journal.Damage) bool { return d.Partial != nil }
	if report.Records > 0 || len(report.Foreign) > 0 || len(report.Unreadable) > 0 || !read.HasLogData() ||
		slices.ContainsFunc(report.Damage, isPartial) {
		return nil
	}
	return fmt.Errorf("--journal %s: is this the right file? It has %s, but no record of any journal. If it is the right "+
		"one, all acknowledged records were replaced by other data", v.journal, judge.Count(report.Bytes, "byte"))
}

// journalFile is a journal that is open for reading.
type journalFile interface {
	io.ReadCloser
	ReadMode() protocol.ReadMode
	Unreadable() []journal.Range
	IsBlockDevice() bool
	SetMinimumLength(bytes int64)
}

// watchedReader watches each read.
type watchedReader struct {
	io.Reader
	*verifyCommand
}

func (r watchedReader) Read(b []byte) (n int, err error) {
	err = r.watch("reading", func() error {
		n, err = r.Reader.Read(b)
		return err
	})
	return n, err
}

func (o verification) reason() string {
	switch o.Verdict {
	case judge.Pass:
		return o.Judgement.IntactPhrase()
	case judge.Fail:
		return fmt.Sprintf("%s; %s", judge.Summary(o.Judgement.Findings), o.total())
	}
	return "nothing was acknowledged, so there is nothing to check"
}

// total returns how many of the acknowledged records are lost or damaged.
func (o verification) total() string {
	acknowledged := judge.FormatCount(o.Judgement.Acknowledged)
	if !o.scanned {
		return acknowledged + " records were acknowledged"
	}
	lost := o.Judgement.Acknowledged - o.Judgement.Intact
	return fmt.Sprintf("%s of %s acknowledged records are missing or damaged", judge.FormatCount(lost), acknowledged)
}

// text renders the verification for a terminal.
func (o verification) text() string {
	var s strings.Builder
	cell := result.Cell{
		Layout: o.Layout, Acks: o.Acks, Findings: o.Judgement.Findings, Notes: o.Judgement.Notes,
	}
	fmt.Fprintf(&s, "%s\n  %s\n\n", terminal.Headline(o.Verdict, []result.Cell{cell}), o.Reason)
	fmt.Fprintf(&s, "  journal       %s, %s, %s\n", o.Journal,
		judge.Count(o.Scan.Bytes, "byte"), judge.Count(o.Scan.Records, "intact record"))
	if o.Layout.Pattern.HasObjects() {
		fmt.Fprintf(&s, "  objects       %s\n", describeLayout(o.Layout))
	}
	fmt.Fprintf(&s, "  journal ID    %s, %s per record\n", o.format.ID, judge.Count(o.format.RecordSize, "byte"))
	if o.SHA256 != "" {
		fmt.Fprintf(&s, "  SHA-256       %s\n", o.SHA256)
	}
	if o.scanned && o.Judgement.Acknowledged > 0 {
		fmt.Fprintf(&s, "  total         %s\n", o.total())
	}
	for _, ack := range o.Acks {
		fmt.Fprintf(&s, "  acknowledged  epoch %d up to sequence number %s\n", ack.Epoch, judge.FormatCount(ack.Seq))
	}
	s.WriteString(terminal.Details(cell))
	return s.String()
}
