package assessment

import (
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/report/kubectlsteps"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// MaxLength is the longest text that STIG Manager keeps.
const MaxLength = 32_767

// truncated ends a text that was too long.
const truncated = "\n[Truncated: result.json has the rest]"

// text is built line by line.
type text struct{ strings.Builder }

// line adds a line.
func (t *text) line(format string, args ...any) {
	fmt.Fprintf(t, format+"\n", args...)
}

// labelled adds a line with a label, unless the value is empty.
func (t *text) labelled(label, value string) {
	if value != "" {
		t.line("%s: %s", label, value)
	}
}

// truncate returns the text, limited to MaxLength.
func (t *text) truncate() string {
	s := strings.TrimSpace(t.String())
	if len(s) <= MaxLength {
		return s
	}
	return strings.ToValidUTF8(s[:MaxLength-len(truncated)], "") + truncated
}

func (a Assessment) details(r result.Result) string {
	var t text
	t.line("%s (%s), %s", a.Rule.GroupID, a.Rule.ID, a.Rule.Benchmark.Reference())
	t.line("Result: %s", a.Reason)
	t.line("")
	if a.Rule.Criterion != "" {
		t.line("1. The check's own criterion (%q): %s. %s", a.Rule.Criterion, a.Criterion, byCriterion(r))
	} else {
		t.line("1. Log data: %s", a.Criterion)
	}
	t.line("2. Byte-for-byte verification, a stricter criterion: %s", a.Verification)
	t.line("")
	t.line("Started %s, ended %s", utc(r.StartedAt), utc(r.EndedAt))
	t.labelled("Tool", tool(r.Tool))
	t.labelled("Cluster (UID of namespace kube-system)", string(r.Cluster.UID))
	t.labelled("API server", r.Cluster.Server)
	t.labelled("Kubernetes", r.Cluster.Version)
	t.labelled("Orchestrator", r.Cluster.Orchestrator)
	for _, c := range r.Cells {
		t.line("")
		t.cell(c)
	}
	t.byHand(r)
	return t.truncate()
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
	if c.Spec.Name != "" {
		heading = "Cell " + c.Spec.Name
	}
	if c.Spec.Control {
		heading += " (the control, which must lose its data)"
	}
	t.line("%s: %s", heading, c.Verdict)
	if claim := c.Claim; claim != nil {
		t.line("Claim %s, UID %s", claim.Name, claim.UID)
		t.labelled("StorageClass", claim.StorageClass)
		t.labelled("Provisioner", claim.Provisioner)
		t.labelled("PersistentVolume", claim.Volume)
		t.labelled("Volume handle", claim.Handle)
		t.labelled("Access modes", strings.Join(claim.AccessModes, ", "))
	}
	if c.Spec.VolumeSource == options.EmptyDir {
		t.line("Volume: an emptyDir")
	}
	if c.Target != "" {
		t.line("Volume: %s on this machine, without a cluster", c.Target)
	}
	for _, e := range c.Epochs {
		t.line("Writer %d: %s", e.Number, pod(e.Pod))
		if !e.DeletionRequestedAt.IsZero() {
			t.line("%s, no longer existed %s; %s at the %s", deletion(c, e), utc(e.DeletedAt),
				judge.Count(e.AckedAtDeletion, "acknowledged record"), c.DeletionNoun())
		}
	}
	if c.Brief != nil {
		t.line("%s: the result has only their main facts", judge.Count(len(c.Brief.Epochs), "more writer"))
	}
	if c.Reader != nil {
		t.line("Reader: %s", pod(c.Reader.Pod))
		t.journal(c)
	}
	t.line("Evidence level: %s", level(c.Provenance))
	for _, f := range c.Findings {
		t.line("Finding: %s", f.In(c.JournalFile))
	}
}

// deletion describes how and when a writer was deleted, or killed in a local run.
func deletion(c result.Cell, e result.Epoch) string {
	at := utc(e.DeletionRequestedAt)
	switch {
	case c.IsLocal():
		return fmt.Sprintf("Killed with %s %s", c.KillSignal(), at)
	case e.GracePeriodSeconds == nil:
		return fmt.Sprintf("Deleted %s with the pod's own grace period", at)
	default:
		return fmt.Sprintf("Deleted %s with a grace period of %d s", at, *e.GracePeriodSeconds)
	}
}

// journal describes what was acknowledged and what was read back.
func (t *text) journal(c result.Cell) {
	s := c.Reader.ScanResult
	acknowledged := judge.Count(ledger.CountRecords(c.Acks), "acknowledged record")
	if !c.Reader.HasLogData() {
		t.line("Journal %s: %s; read back: log data not present, %s", c.JournalFile, acknowledged,
			judge.Count(s.Bytes, "byte"))
		return
	}
	t.line("Journal %s: %s; read back: log data present, %s, %s, from %s to %s", c.JournalFile, acknowledged,
		judge.Count(s.Records, "intact record"), judge.Count(s.Bytes, "byte"), utc(s.FirstTime), utc(s.LastTime))
	t.labelled("SHA-256 of the journal", s.SHA256)
	for _, ack := range c.Acks {
		t.line("Acknowledged in epoch %d: records 1 to %s; CRC-32C of the last record, which depends on all earlier records: %08x",
			ack.Epoch, judge.FormatCount(ack.Seq), ack.Digest)
	}
}

func pod(p result.Pod) string {
	s := p.Name
	if p.UID != "" { // a process has none
		s += ", UID " + string(p.UID)
	}
	s += ", node " + p.Node
	if p.ImageID != "" {
		s += ", image " + p.ImageID
	}
	return s
}

func level(c provenance.Provenance) string {
	if c.NotReachedReason == "" {
		return c.Level.String()
	}
	return c.Level.String() + " (" + c.NotReachedReason + ")"
}

// byHand describes how to repeat the check with kubectl alone, which cannot repeat a local run or check objects.
func (t *text) byHand(r result.Result) {
	cells := r.Tested()
	if len(cells) == 0 || cells[0].IsLocal() || cells[0].Layout.Pattern.HasObjects() {
		return
	}
	t.line("")
	t.line("To repeat the check by hand (this shows whether log data is present, not whether every byte is intact):")
	for _, step := range kubectlsteps.Steps(r, cells[0]) {
		t.line("- %s", step.Description)
		t.line("%s", step.Commands)
	}
}

func (a Assessment) comments(r result.Result, metadata Metadata) string {
	var t text
	t.line("Run %s of volume-durability.", r.RunID)
	if e := r.Engine; e != nil {
		t.line("ChaosEngine %s/%s, UID %s; ChaosResult %s", e.Namespace, e.Name, e.UID, e.ChaosResult)
		t.labelled("UID of the ChaosResult", string(e.ChaosResultUID))
		t.labelled("Service account", e.ServiceAccount)
	}
	t.labelled("Evidence bundle", metadata.BundleLocation)
	t.labelled("SHA-256 of its result.json, the source of the other reports", metadata.ResultSHA256)
	if metadata.ResultSHA256 != "" {
		t.line("A checklist can be edited, so compare this SHA-256 with the manifest.json of a copy of the bundle.")
	}
	if b := a.Rule.Benchmark; b.RuleCount > 1 {
		t.line("This checklist assesses one of the %d rules of %s. Merge it into a checklist that has the other rules; do not replace that checklist.", b.RuleCount, b.ID)
	} else {
		t.line("This checklist assesses one rule of %s. Merge it into a checklist that has the other rules; do not replace that checklist.", b.ID)
	}
	for _, c := range r.Cells {
		for _, limit := range c.NotShown {
			t.line("Not proven by this run%s: %s", inCells([]string{c.Spec.Name}), limit)
		}
		for _, note := range c.Notes {
			t.line("Note%s: %s", inCells([]string{c.Spec.Name}), note)
		}
	}
	t.labelled("Not removed", r.NotRemoved)
	return t.truncate()
}

func utc(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
