package html

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/report/kubectlsteps"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// cellPlace is where on the page a cell is: the name to link to, and the level of its heading.
type cellPlace struct {
	Anchor string
	Level  heading
}

// cellView is what the page says of one cell.
type cellView struct {
	cellPlace
	Name         string
	Verdict      badge
	Control      string
	Reason       string
	Notes        []string
	Problems     []string
	Plan         []fact
	Timeline     *figure
	Strip        *figure
	Findings     []findingView
	Unlisted     string
	Samples      []sampleView
	Latency      *figure
	Recovery     *figure
	Evidence     *evidenceView
	NotShown     []string
	Pods, Ledger table
	Steps        []kubectlsteps.Step
	// Brief says why there is not more.
	Brief string
	// Folded says that there are others to be looked at first.
	Folded bool
}

func cellOf(r result.Result, c result.Cell, at cellPlace) cellView {
	v := cellView{
		cellPlace: at, Name: nameOf(c), Verdict: badgeOfCell(c), Control: control(c),
		Reason: c.Reason, Notes: c.Notes, Problems: problemsOf(c), Plan: planned(c), NotShown: c.NotShown,
		Folded: c.Plan.Control && c.LostAllData() || c.Verdict == judge.Pass && underTest(r) > 1,
	}
	if len(r.Cells) == 1 && c.Reason == r.Reason {
		v.Reason = "" // it stands at the top of the page
	}
	v.Findings, v.Unlisted = findingsOf(c)
	if len(c.Epochs) > 0 {
		v.Evidence = evidenceOf(r, c)
	}
	if v.Folded && len(r.Cells) > maxDetailed {
		v.Brief = "With so many cells there are no pictures of those that went as they should. The result in JSON has everything."
		return v
	}
	v.Timeline, v.Strip, v.Latency, v.Recovery = timelineOf(c), stripOf(c), latencyOf(c), recoveryOf(c)
	v.Samples, v.Pods, v.Ledger = samplesOf(c), podsOf(c), ledgerOf(c)
	if c.Verdict != judge.Skipped {
		v.Steps = kubectlsteps.Steps(r, c)
	}
	return v
}

// underTest counts the cells but the control.
func underTest(r result.Result) int {
	n := 0
	for _, c := range r.Cells {
		if !c.Plan.Control {
			n++
		}
	}
	return n
}

// maxDetailed is with how many cells a page still shows all of everything: more
// would be more than a browser likes to open.
const maxDetailed = 100

// problemsOf are those for which writers had ended by themselves.
func problemsOf(c result.Cell) []string {
	var all []string
	for _, e := range c.Epochs {
		if e.ExitError != nil {
			all = append(all, fmt.Sprintf("Writer %d had ended before it was deleted: %s", e.Number, e.ExitError.Error()))
		}
	}
	return all
}

// ledgerOf is what was acknowledged, so that somebody else can check the journal.
func ledgerOf(c result.Cell) table {
	t := table{Caption: fmt.Sprintf("Journal %s, records of %s", c.Journal.ID, counted(c.Journal.Size, "byte")), Head: []string{"Epoch", "Up to record", "Its sum (CRC-32C)", "Synced at, by the writer's clock"}, Numeric: map[int]bool{0: true, 1: true}}
	for _, p := range c.Acks {
		t.Rows = append(t.Rows, []string{fmt.Sprint(p.Epoch), grouped(p.Seq), fmt.Sprintf("%08x", p.Digest), moment(p.Time)})
	}
	return t
}

// findingView is a finding in words.
type findingView struct {
	Number                                        int
	Class, Meaning, Records, Which, Bytes, Detail string
}

// maxFindings bounds what a person is asked to read.
const maxFindings = 100

func findingsOf(c result.Cell) (views []findingView, unlisted string) {
	for i, f := range c.Findings {
		if i == maxFindings {
			return views, "and " + counted(len(c.Findings)-maxFindings, "more finding") + ", which the result in JSON lists"
		}
		views = append(views, findingView{
			Number: i + 1, Class: string(f.Class), Meaning: meanings[f.Class], Records: recordsOf(f), Which: whichOf(f), Bytes: bytesOf(f), Detail: f.Detail,
		})
	}
	return views, ""
}

func recordsOf(f judge.Finding) string {
	if f.Records == 0 {
		return unknown
	}
	return grouped(f.Records)
}

// whichOf names the records concerned.
func whichOf(f judge.Finding) string {
	switch {
	case f.First == 0:
		return unknown
	case f.LastEpoch > 0 && f.LastEpoch != f.Epoch:
		return fmt.Sprintf("epoch %d, %s to epoch %d, %s", f.Epoch, grouped(f.First), f.LastEpoch, grouped(f.Last))
	case f.First == f.Last:
		return fmt.Sprintf("epoch %d, %s", f.Epoch, grouped(f.First))
	default:
		return fmt.Sprintf("epoch %d, %s to %s", f.Epoch, grouped(f.First), grouped(f.Last))
	}
}

// bytesOf says where in the file.
func bytesOf(f judge.Finding) string {
	if f.Offset == f.End {
		return "gone at byte " + grouped(f.Offset)
	}
	return grouped(f.Offset) + " to " + grouped(f.End-1)
}

// levels say in a sentence what each level of evidence means.
var levels = map[provenance.Level]string{
	provenance.None:         "nothing was read back, or not from the volume that was written to",
	provenance.ReadBack:     "another pod read the data; the memory of the writer's node may have answered in the storage's place",
	provenance.Uncached:     "what was read did not come from the page cache that was written to",
	provenance.Remounted:    "the filesystem was unmounted on the writer's node before the reader had it, or another node's kernel mounted it",
	provenance.Reattached:   "the volume was detached from the writer's node and attached again for the reader",
	provenance.OtherMachine: "it was attached anew, to a machine with another kernel",
}

// evidenceView is how strong the evidence is.
type evidenceView struct {
	Level, Meaning, Required string
	NotReached               string
	Rungs                    []rung
	Facts                    table
}

// rung is a level, and whether it was reached.
type rung struct {
	Name, Meaning string
	Reached       bool
}

func evidenceOf(r result.Result, c result.Cell) *evidenceView {
	v := &evidenceView{Level: c.Provenance.Level.String(), Meaning: levels[c.Provenance.Level], NotReached: c.Provenance.NotReached}
	if r.Options.RequiredEvidence > provenance.None && !c.Plan.Control {
		v.Required = r.Options.RequiredEvidence.String()
	}
	for level := provenance.ReadBack; level <= provenance.OtherMachine; level++ {
		v.Rungs = append(v.Rungs, rung{level.String(), levels[level], level <= c.Provenance.Level})
	}
	v.Facts = table{Caption: "Between the last writer and the reader", Head: []string{"Question", "Answer", "How it is known, or why not"}}
	for _, f := range []struct {
		question string
		provenance.Observation
	}{
		{"Did all pods have the same volume?", c.Provenance.SameVolume},
		{"Was it unmounted on the writer's node?", c.Provenance.Unmounted},
		{"Was it detached, and attached anew?", c.Provenance.Reattached},
		{"Was the reader's kernel another one?", c.Provenance.OtherKernel},
	} {
		answer := f.Answer
		if answer == "" {
			answer = provenance.Unknown
		}
		v.Facts.Rows = append(v.Facts.Rows, []string{f.question, string(answer), f.Reason})
	}
	v.Facts.Rows = append(v.Facts.Rows,
		[]string{"How did the reader read?", cmp.Or(string(c.Provenance.ReadMode), "not at all"), accesses[c.Provenance.ReadMode]},
		[]string{"Where did the last writer have it?", placeOf(&c.Provenance.Writer), mountOf(&c.Provenance.Writer)},
		[]string{"Where did the reader have it?", placeOf(c.Provenance.Reader), mountOf(c.Provenance.Reader)})
	if c.Reader != nil && c.Reader.ScanResult.SHA256 != "" {
		v.Facts.Rows = append(v.Facts.Rows, []string{"How much of the journal did it read?", "all", counted(c.Reader.ScanResult.Bytes, "byte") + ", SHA-256 " + c.Reader.ScanResult.SHA256})
	}
	return v
}

// accesses say what each way of reading is.
var accesses = map[protocol.ReadMode]string{
	"":                   "nothing was read back",
	protocol.ReadDirect:  "past the page cache of its node (O_DIRECT)",
	protocol.ReadDropped: "through the page cache, after the kernel was asked to drop what it held of the file; it need not have dropped everything",
	protocol.ReadCached:  "through the page cache, with whatever it held",
}

func placeOf(p *provenance.Location) string {
	if p == nil || p.Node == "" {
		return "nowhere"
	}
	return p.Node
}

func mountOf(p *provenance.Location) string {
	if p == nil {
		return "nothing was read back"
	}
	var parts []string
	if m := p.Mount; m.Source != "" {
		parts = append(parts, fmt.Sprintf("%s of %s at %s, device %s", m.FSType, m.Source, m.Point, m.Device))
		if m.UUID != "" {
			parts = append(parts, "UUID "+m.UUID)
		}
	}
	if p.BootID != "" {
		parts = append(parts, "kernel's boot_id "+p.BootID)
	}
	return strings.Join(parts, "; ")
}

// podsOf names the pods as the cluster did.
func podsOf(c result.Cell) table {
	t := table{Caption: "Pods", Head: []string{"Pod", "Node", "UID", "Image"}}
	add := func(what string, p result.Pod) {
		if p.Name != "" {
			t.Rows = append(t.Rows, []string{what + ", " + p.Name, p.Node, string(p.UID), p.ImageID})
		}
	}
	for _, e := range c.Epochs {
		add(fmt.Sprintf("Writer %d", e.Number), e.Pod)
	}
	if c.Reader != nil {
		add("Reader", c.Reader.Pod)
	}
	return t
}

// planned is what a cell was to try.
func planned(c result.Cell) []fact {
	source := "emptyDir"
	class := ""
	if c.Plan.VolumeSource == options.Claim {
		source = "claim"
		class = c.Plan.StorageClass
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
			source += ", which was there before"
		}
	}
	modes := ""
	if c.Plan.VolumeSource == options.Claim { // an emptyDir has no access mode, whatever was asked for
		modes = string(c.Plan.AccessMode)
	}
	if c.Plan.VolumeMode != "" {
		modes = strings.TrimPrefix(modes+", "+string(c.Plan.VolumeMode), ", ")
	}
	all = append(all, fact{"Volume", source, false}, fact{"StorageClass", class, false})
	if c.Claim != nil {
		all = append(all, fact{"Provisioner", c.Claim.Provisioner, true}, fact{"Volume's name", c.Claim.Volume, true}, fact{"Driver's handle", c.Claim.Handle, true}, fact{"Claim's UID", string(c.Claim.UID), true})
	}
	return filled(append(all, fact{"Modes", modes, false}, fact{"Deletion", deletionOf(c.Plan), false}, fact{"Reader", readerOf(c), false}, fact{"Journal", c.File, true}))
}

func deletionOf(p options.CellSpec) string {
	if p.Force {
		return "by force, with a grace period of 0"
	}
	return "graceful"
}

func readerOf(c result.Cell) string {
	asked := map[options.ReaderNode]string{options.AnyNode: "any node", options.SameNode: "the writer's node", options.OtherNode: "another node"}[c.Plan.ReaderNode]
	if asked == "" {
		asked = string(c.Plan.ReaderNode)
	}
	if c.Reader == nil || c.Reader.Node == "" {
		return "on " + asked
	}
	return "asked for " + asked + ", ran on " + c.Reader.Node
}
