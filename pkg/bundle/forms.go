package bundle

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/checklist"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/report/junit"
	"github.com/volume-durability/volume-durability/pkg/report/oscal"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// source is what the forms are made of.
type source struct {
	result result.Result
	rule   rule.Rule
	in     assessment.Context
}

// form is a file that is made of the result.
type form struct {
	name   string
	render func(source) ([]byte, error)
}

// forms are all that can be made of a result. A new one is a line here and a row in
// docs/evidence-bundle.md.
func forms(r result.Result) []form {
	all := []form{
		{"report.html", func(s source) ([]byte, error) { return html.Render(s.result) }},
		{"junit.xml", func(s source) ([]byte, error) { return junit.Render(s.result) }},
		{"checklist.ckl", func(s source) ([]byte, error) { return checklist.CKL(s.result, s.rule, s.in) }},
		{"checklist.cklb", func(s source) ([]byte, error) { return checklist.CKLB(s.result, s.rule, s.in) }},
		{"assessment-results.json", func(s source) ([]byte, error) { return oscal.Render(s.result, s.rule, s.in) }},
		{"ledger.json", func(s source) ([]byte, error) { return encoded(ledgers(s.result)) }},
		{"scan.json", func(s source) ([]byte, error) { return encoded(scans(s.result)) }},
	}
	// A file that holds none says that there were none, not that nobody saw any.
	if objects := r.Snapshot.Objects; objects != nil {
		all = append(all, form{"objects.json", func(source) ([]byte, error) { return encoded(objects) }})
	}
	if events := r.Snapshot.Events; events != nil {
		all = append(all, form{"events.json", func(source) ([]byte, error) { return encoded(events) }})
	}
	return all
}

// Ledger is what was acknowledged of a cell's journal, as ledger.json holds it.
type Ledger struct {
	Cell    string         `json:"cell,omitempty"`
	File    string         `json:"file"`
	Journal journal.Format `json:"journal"`
	// Epochs is how many writers there were, one after another; or, where they were
	// deleted by force, at once.
	Epochs int          `json:"epochs"`
	Forced bool         `json:"forced,omitempty"`
	Acks   []ledger.Ack `json:"acks"`
}

func ledgers(r result.Result) []Ledger {
	all := []Ledger{}
	for _, c := range r.Cells {
		all = append(all, Ledger{c.Plan.Name, c.File, c.Journal, len(c.Epochs), c.Plan.Force, append([]ledger.Ack{}, c.Acks...)})
	}
	return all
}

// Scan is what the pods found in a cell's journal, in order, as scan.json holds it.
type Scan struct {
	Cell  string `json:"cell,omitempty"`
	Looks []Look `json:"looks"`
}

// Look is what one pod found: a writer before it wrote, or the reader.
type Look struct {
	// Epoch is that of the writer; 0 for the reader.
	Epoch      int                 `json:"epoch,omitempty"`
	Pod        string              `json:"pod"`
	Node       string              `json:"node"`
	Seen       time.Time           `json:"seen,omitzero"`
	ScanResult protocol.ScanResult `json:"scan"`
}

func scans(r result.Result) []Scan {
	all := []Scan{}
	for _, c := range r.Cells {
		s := Scan{Cell: c.Plan.Name, Looks: []Look{}}
		for _, e := range c.Epochs {
			if e.InitialRead != nil {
				s.Looks = append(s.Looks, lookOf(e.Number, *e.InitialRead))
			}
		}
		if c.Reader != nil {
			s.Looks = append(s.Looks, lookOf(0, *c.Reader))
		}
		all = append(all, s)
	}
	return all
}

func lookOf(epoch int, l result.JournalRead) Look {
	return Look{epoch, l.Name, l.Node, l.Seen, l.ScanResult}
}
