package html

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/report/kubectlsteps"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// PlaceHead is the head of the column with the place of a finding.
func (v cellView) PlaceHead() string {
	if v.HasObjects {
		return "Objects"
	}
	return "Bytes"
}

// cellPosition is the id of a cell's section and the level of its heading.
type cellPosition struct {
	Anchor string
	Level  headingLevel
}

// cellView is one cell on the page.
type cellView struct {
	cellPosition
	Name         string
	Verdict      badge
	Control      string
	Reason       string
	Notes        []string
	MoreNotes    string
	Facts        []fact
	Timeline     *figure
	Strip        *figure
	Objects      *objectsView
	Findings     []findingView
	Unlisted     string
	Excerpts     []excerptView
	MoreExcerpts string
	Latency      *figure
	Recovery     *figure
	Evidence     *evidenceView
	NotShown     []string
	Pods, Ledger table
	Steps        []kubectlsteps.Step
	// HasObjects is set if the writers wrote objects of a write pattern.
	HasObjects bool
	// Expected is set if the cell needs no attention.
	Expected bool
	// Folded collapses the details, because other cells need attention first.
	Folded bool
	// Compact is set if the page has only the facts of the cell.
	Compact bool
}

func newCellView(r result.Result, c result.Cell, at cellPosition, compact bool) cellView {
	v := cellView{
		cellPosition: at, Name: c.DisplayName(), Verdict: newCellBadge(c), Control: controlSentence(c),
		Reason: c.Reason, Notes: c.Notes, Facts: cellFacts(c), NotShown: c.NotShown,
		Expected: hasExpectedVerdict(c), Compact: compact, HasObjects: c.Layout.Pattern.HasObjects(),
		Folded: c.Spec.Control && c.LostAllData() || c.Verdict == judge.Pass && len(r.Tested()) > 1,
	}
	if len(r.Cells) == 1 && c.Reason == r.Reason {
		v.Reason = "" // the page's header has it
	}
	if more := len(v.Notes) - maxNotes; more > 0 {
		v.Notes, v.MoreNotes = v.Notes[:maxNotes], "The result in JSON has "+counted(more, "more note")+"."
	}
	if compact {
		return v
	}
	v.Findings, v.Unlisted = newFindingViews(c)
	if len(c.Epochs) > 0 {
		v.Evidence = newEvidenceView(r, c)
	}
	v.Objects = newObjectsView(c)
	v.Timeline, v.Strip, v.Latency, v.Recovery = timelineFigure(c), stripFigure(c), latencyFigure(c), recoveryFigure(c)
	v.Excerpts, v.MoreExcerpts = newExcerptViews(c)
	v.Pods, v.Ledger = podTable(c).shortened("writer"), ledgerTable(c).shortened("acknowledgement")
	if c.Verdict != judge.Skipped && !c.IsLocal() && !c.Layout.Pattern.HasObjects() {
		v.Steps = kubectlsteps.Steps(r, c)
	}
	return v
}

// maxNotes limits the notes of a cell on the page.
const maxNotes = 20

// ledgerTable has the acknowledgements, with which anyone can check the journal.
func ledgerTable(c result.Cell) table {
	t := table{
		Caption: fmt.Sprintf("Journal %s, with records of %s", c.Journal.ID, counted(c.Journal.RecordSize, "byte")),
		Head:    []string{"Epoch", "Acknowledged up to record", "CRC-32C of that record", "Synced at (writer's clock)"},
		Numeric: map[int]bool{0: true, 1: true},
	}
	for _, p := range c.Acks {
		row := []string{grouped(p.Epoch), grouped(p.Seq), fmt.Sprintf("%08x", p.Digest), formatTime(p.Time)}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// findingView is a finding as the page shows it.
type findingView struct {
	Number                                        int
	Class, Meaning, Records, Which, Bytes, Detail string
}

// maxFindings limits how many findings of a cell the page lists and marks.
const maxFindings = 100

func newFindingViews(c result.Cell) (views []findingView, unlisted string) {
	for i, f := range c.Findings {
		if i == maxFindings {
			return views, "The result in JSON has " + counted(len(c.Findings)-maxFindings, "more finding") + "."
		}
		views = append(views, findingView{
			Number: i + 1, Class: string(f.Class), Meaning: f.Class.Description(),
			Records: findingCount(f), Which: findingRecords(f), Bytes: findingPlace(f), Detail: f.Detail,
		})
	}
	return views, ""
}

func findingCount(f judge.Finding) string {
	if f.Records == 0 {
		return dash
	}
	return grouped(f.Records)
}

// findingRecords names the records of a finding.
func findingRecords(f judge.Finding) string {
	switch {
	case f.First == 0:
		return dash
	case f.LastEpoch > 0 && f.LastEpoch != f.Epoch:
		return fmt.Sprintf("epoch %s, record %s to epoch %s, record %s",
			grouped(f.Epoch), grouped(f.First), grouped(f.LastEpoch), grouped(f.Last))
	case f.First == f.Last:
		return fmt.Sprintf("epoch %s, record %s", grouped(f.Epoch), grouped(f.First))
	default:
		return fmt.Sprintf("epoch %s, records %s to %s", grouped(f.Epoch), grouped(f.First), grouped(f.Last))
	}
}

// findingBytes describes the range of bytes of a finding.
func findingBytes(f judge.Finding) string {
	if !f.HasPlace() {
		return dash
	}
	if f.Offset == f.End {
		return "expected at byte " + grouped(f.Offset)
	}
	return grouped(f.Offset) + " to " + grouped(f.End-1)
}

// evidenceView is the evidence level of a cell and the reasons for it.
type evidenceView struct {
	Level, Meaning, Required string
	NotReached               string
	Levels                   []levelView
	Facts                    table
}

// levelView is an evidence level and whether it was reached.
type levelView struct {
	Name, Meaning string
	Reached       bool
}

func newEvidenceView(r result.Result, c result.Cell) *evidenceView {
	v := &evidenceView{
		Level: c.Provenance.Level.String(), Meaning: c.Provenance.Level.Description(),
		NotReached: c.Provenance.NotReachedReason,
		Facts:      provenanceTable(c),
	}
	if r.Options.RequiredEvidence > provenance.None && !c.Spec.Control {
		v.Required = r.Options.RequiredEvidence.String()
	}
	for level := provenance.ReadBack; level <= provenance.OtherMachine; level++ {
		v.Levels = append(v.Levels, levelView{level.String(), level.Description(), level <= c.Provenance.Level})
	}
	return v
}

// provenanceTable shows what is known about the volume between the last writer and the reader.
func provenanceTable(c result.Cell) table {
	t := table{
		Caption: "What happened to the volume between the last writer and the reader",
		Head:    []string{"Question", "Answer", "Evidence, or why the answer is unknown"},
	}
	type answered struct {
		question string
		provenance.Observation
	}
	questions := []answered{
		{"Did all writers and the reader have the same volume?", c.Provenance.SameVolume},
		{"Was the volume unmounted on the writer's node?", c.Provenance.Unmounted},
		{"Was the volume detached and attached again?", c.Provenance.Reattached},
		{"Did the reader run on another node, under another kernel?", c.Provenance.OtherKernel},
	}
	if c.Provenance.Restarted != nil {
		questions = append(questions, answered{"Was the node started again in between?", *c.Provenance.Restarted})
	}
	if c.Provenance.Unused != nil {
		questions = append(questions, answered{"Was the claim unused in between?", *c.Provenance.Unused})
	}
	for _, f := range questions {
		answer := f.Answer
		if answer == "" {
			answer = provenance.Unknown
		}
		t.Rows = append(t.Rows, []string{f.question, string(answer), f.Reason})
	}
	p := c.Provenance
	t.Rows = append(t.Rows,
		[]string{"Read mode", cmp.Or(string(p.ReadMode), "not at all"), readModes[p.ReadMode]},
		[]string{"Where did the last writer run?", locationNode(&p.Writer), locationMount(&p.Writer)},
		[]string{"Where did the reader run?", locationNode(p.Reader), locationMount(p.Reader)})
	if c.Reader != nil && c.Reader.ScanResult.SHA256 != "" {
		t.Rows = append(t.Rows, []string{"Bytes read", counted(c.Reader.ScanResult.Bytes, "byte"),
			"the whole journal, SHA-256 " + c.Reader.ScanResult.SHA256})
	}
	return t
}

// readModes describes each way of reading.
var readModes = map[protocol.ReadMode]string{
	"":                   "nothing was read back",
	protocol.ReadDirect:  "bypassing the page cache of its node (O_DIRECT)",
	protocol.ReadDropped: "through the page cache, after asking the kernel to drop the file from it; the kernel may have kept parts",
	protocol.ReadNoCache: "without adding to the page cache (F_NOCACHE); the kernel may have used cached pages",
	protocol.ReadCached:  "through the page cache, which may have held the writer's data",
}

func locationNode(p *provenance.Location) string {
	if p == nil || p.Node == "" {
		return "nowhere"
	}
	return p.Node
}

func locationMount(p *provenance.Location) string {
	if p == nil {
		return "nothing was read back"
	}
	var parts []string
	if m := p.Mount; m.Source != "" {
		parts = append(parts, fmt.Sprintf("%s on %s at %s, device %s", m.FSType, m.Source, m.Point, m.Device))
		if m.UUID != "" {
			parts = append(parts, "UUID "+m.UUID)
		}
	}
	if p.BootID != "" {
		parts = append(parts, "boot_id of the kernel "+p.BootID)
	}
	return strings.Join(parts, "; ")
}

func podTable(c result.Cell) table {
	t := table{Caption: "Pods", Head: []string{"Pod", "Node", "UID", "Image"}}
	if c.IsLocal() {
		t = table{Caption: "Processes", Head: []string{"Process", "Machine", "", ""}}
	}
	add := func(role string, p result.Pod) {
		if p.Name != "" {
			t.Rows = append(t.Rows, []string{role + ", " + p.Name, p.Node, string(p.UID), p.ImageID})
		}
	}
	for _, e := range c.Epochs {
		add("Writer "+grouped(e.Number), e.Pod)
	}
	if c.Reader != nil {
		add("Reader", c.Reader.Pod)
	}
	if note := briefNote(c, "This list"); note != "" {
		t.Rows = append(t.Rows, []string{note})
	}
	return t
}

// cellFacts describes the volume and the plan of a cell.
func cellFacts(c result.Cell) []fact {
	if c.IsLocal() {
		return localFacts(c)
	}
	source := "emptyDir"
	class := ""
	if c.Spec.VolumeSource == options.Claim {
		source = "claim"
		class = c.Spec.StorageClass
		if class == "" {
			class = "the cluster's default"
		}
	}
	all := []fact{}
	if c.Claim != nil {
		if c.Claim.StorageClass != "" {
			class = c.Claim.StorageClass
		}
		source = "claim " + c.Claim.Name
		if !c.Claim.Created {
			source += ", which existed before the run"
		}
	}
	accessMode := ""
	if c.Spec.VolumeSource == options.Claim { // an emptyDir has no access mode
		accessMode = string(c.Spec.AccessMode)
	}
	all = append(all, fact{"Volume", source, false}, fact{"StorageClass", class, false})
	if c.Claim != nil {
		all = append(all, fact{"Provisioner", c.Claim.Provisioner, true}, fact{"PersistentVolume", c.Claim.Volume, true},
			fact{"Volume handle", c.Claim.Handle, true}, fact{"UID of the claim", string(c.Claim.UID), true})
	}
	all = append(all, patternFacts(c)...)
	return withValues(append(all,
		fact{"Access mode", accessMode, false}, fact{"Volume mode", string(c.Spec.VolumeMode), false},
		fact{"Deletion", deletionKind(c.Spec), false},
		fact{"Node of the reader", readerNode(c), false}, fact{"Journal", c.JournalFile, true}))
}

// localFacts describes the folder or device of a local run.
func localFacts(c result.Cell) []fact {
	kind := "Folder"
	if c.Spec.VolumeMode == corev1.PersistentVolumeBlock {
		kind = "Device"
	}
	return withValues(append(patternFacts(c), fact{kind, c.Target, true},
		fact{"Signal to the writer", c.KillSignal(), false}, fact{"Journal", c.JournalFile, true}))
}

func deletionKind(p options.CellSpec) string {
	if p.Force {
		return "forced (grace period 0)"
	}
	return "graceful"
}

func readerNode(c result.Cell) string {
	requested := map[options.ReaderNode]string{
		options.AnyNode: "any", options.SameNode: "the writer's node", options.OtherNode: "another node",
	}[c.Spec.ReaderNode]
	if requested == "" {
		requested = string(c.Spec.ReaderNode)
	}
	if c.Reader == nil || c.Reader.Node == "" {
		return "requested: " + requested
	}
	return "requested: " + requested + "; actual: " + c.Reader.Node
}
