package assessment

import (
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/report/kubectlsteps"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Longest is how many characters STIG Manager keeps of a text.
const Longest = 32_767

// cut is said where a text had to be cut.
const cut = "\n[Cut here: the rest is in result.json]"

// text is written line by line.
type text struct{ strings.Builder }

// line adds a line, if there is anything to say.
func (t *text) line(format string, args ...any) {
	fmt.Fprintf(t, format+"\n", args...)
}

// known adds a line where a value is known.
func (t *text) known(label, value string) {
	if value != "" {
		t.line("%s: %s", label, value)
	}
}

// kept is the text, cut where no tool would keep it.
func (t *text) kept() string {
	s := strings.TrimSpace(t.String())
	if len(s) <= Longest {
		return s
	}
	return strings.ToValidUTF8(s[:Longest-len(cut)], "") + cut
}

func (a Assessment) details(r result.Result) string {
	var t text
	t.line("%s (%s), %s", a.Rule.Group, a.Rule.ID, a.Rule.Benchmark.Reference())
	t.line("Result: %s", a.Why)
	t.line("")
	if a.Rule.Criterion != "" {
		t.line("1. The check's own criterion (%q): %s. %s", a.Rule.Criterion, a.Criterion, byCriterion(r))
	} else {
		t.line("1. Whether there is log data: %s", a.Criterion)
	}
	t.line("2. To the byte, which is stricter: %s", a.Bytes)
	t.line("")
	t.line("Started %s, ended %s", utc(r.Started), utc(r.Ended))
	t.known("Tool", tool(r.Tool))
	t.known("Cluster (UID of namespace kube-system)", string(r.Cluster.UID))
	t.known("API server", r.Cluster.Server)
	t.known("Kubernetes", r.Cluster.Version)
	t.known("Orchestrator", r.Cluster.Orchestrator)
	for _, c := range r.Cells {
		t.line("")
		t.cell(c)
	}
	t.byHand(r)
	return t.kept()
}

func tool(tool result.Tool) string {
	parts := []string{"volume-durability"}
	if tool.Version != "" {
		parts = append(parts, tool.Version)
	}
	if tool.Commit != "" {
		parts = append(parts, "commit "+tool.Commit)
	}
	if tool.Image != "" {
		parts = append(parts, "image "+tool.Image)
	}
	return strings.Join(parts, ", ")
}

func (t *text) cell(c result.Cell) {
	heading := "Volume under test"
	if c.Plan.Name != "" {
		heading = "Cell " + c.Plan.Name
	}
	if c.Plan.Control {
		heading += " (the control: it must lose its data)"
	}
	t.line("%s: %s", heading, c.Verdict)
	if claim := c.Claim; claim != nil {
		t.line("Claim %s, UID %s", claim.Name, claim.UID)
		t.known("StorageClass", claim.StorageClass)
		t.known("Provisioner", claim.Provisioner)
		t.known("PersistentVolume", claim.Volume)
		t.known("Volume handle", claim.Handle)
		t.known("Access modes", strings.Join(claim.AccessModes, ", "))
	}
	if c.Plan.VolumeSource == options.EmptyDir {
		t.line("Volume: an emptyDir")
	}
	for _, e := range c.Epochs {
		t.line("Writer %d: %s", e.Number, pod(e.Pod))
		if !e.Deleting.IsZero() {
			t.line("Deleted %s, grace period %s, gone %s, with %d records acknowledged", utc(e.Deleting), grace(e.Grace), utc(e.Gone), e.AckedAtDeletion)
		}
	}
	if c.Reader != nil {
		t.line("Reader: %s", pod(c.Reader.Pod))
		t.log(c)
	}
	t.line("Evidence level: %s", level(c.Provenance))
	for _, f := range c.Findings {
		t.line("Finding: %s, bytes %d to %d of %s", f, f.Offset, f.End, c.File)
	}
}

// log compares the log before and after.
func (t *text) log(c result.Cell) {
	s := c.Reader.ScanResult
	if !c.Reader.HasLogData() {
		t.line("%s before: %d lines acknowledged; after: log data not present, %d bytes", c.File, ledger.CountRecords(c.Acks), s.Bytes)
		return
	}
	t.line("%s before: %d lines acknowledged; after: log data present, %d intact lines, %d bytes, first of %s, last of %s",
		c.File, ledger.CountRecords(c.Acks), s.Records, s.Bytes, utc(s.FirstTime), utc(s.LastTime))
	t.known("SHA-256 of these bytes", s.SHA256)
	for _, p := range c.Acks {
		t.line("Acknowledged of writer %d: lines 1 to %d, CRC-32C of the last, which depends on all before it, %08x", p.Epoch, p.Seq, p.Digest)
	}
}

func pod(p result.Pod) string {
	s := fmt.Sprintf("%s, UID %s, node %s", p.Name, p.UID, p.Node)
	if p.ImageID != "" {
		s += ", image " + p.ImageID
	}
	return s
}

func grace(seconds *int64) string {
	if seconds == nil {
		return "the pod's own (30 s)"
	}
	return fmt.Sprintf("%d s", *seconds)
}

func level(c provenance.History) string {
	if c.NotReached == "" {
		return c.Level.String()
	}
	return c.Level.String() + " (" + c.NotReached + ")"
}

// byHand says how to see it again with kubectl alone.
func (t *text) byHand(r result.Result) {
	cells := underTest(r)
	if len(cells) == 0 {
		return
	}
	t.line("")
	t.line("The same by hand, which shows whether anything is left, not whether a byte of it is missing:")
	for _, step := range kubectlsteps.Steps(r, cells[0]) {
		t.line("- %s", step.Say)
		t.line("%s", step.Commands)
	}
}

func (a Assessment) comments(r result.Result, in Context) string {
	var t text
	t.line("Run %s of volume-durability.", r.RunID)
	if e := r.Engine; e != nil {
		t.line("ChaosEngine %s/%s, UID %s; ChaosResult %s", e.Namespace, e.Name, e.UID, e.Result)
		t.known("UID of the ChaosResult", string(e.ResultUID))
		t.known("Service account", e.ServiceAccount)
	}
	t.known("Evidence bundle", in.Where)
	t.known("SHA-256 of its result.json, from which everything else in it follows", in.Sum)
	if in.Sum != "" {
		t.line("A sum inside of a checklist that can be edited proves nothing alone: compare it with the bundle's manifest.json, kept elsewhere.")
	}
	if b := a.Rule.Benchmark; b.Rules > 1 {
		t.line("This is one rule of the %d of %s. Import it by merging, not by replacing: the others were not assessed.", b.Rules, b.ID)
	} else {
		t.line("This is one rule of %s. Import it by merging, not by replacing: the others were not assessed.", b.ID)
	}
	for _, c := range r.Cells {
		for _, limit := range c.NotShown {
			t.line("Not shown%s: %s", where([]string{c.Plan.Name}), limit)
		}
		for _, note := range c.Notes {
			t.line("Note%s: %s", where([]string{c.Plan.Name}), note)
		}
	}
	t.known("Left behind", r.NotRemoved)
	return t.kept()
}

func utc(t time.Time) string {
	if t.IsZero() {
		return "at a time that is not known"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
