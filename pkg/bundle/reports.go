package bundle

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/checklist"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/report/junit"
	"github.com/volume-durability/volume-durability/pkg/report/openmetrics"
	"github.com/volume-durability/volume-durability/pkg/report/oscal"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// source is the input of the reports.
type source struct {
	result   result.Result
	rule     rule.Rule
	metadata assessment.Metadata
}

// report is a file that is generated from the result.
type report struct {
	name   string
	render func(source) ([]byte, error)
}

// reports returns all reports of a result. A new one needs a line here and a row in docs/evidence-bundle.md.
func reports(r result.Result) []report {
	all := []report{
		{"report.html", func(s source) ([]byte, error) { return html.Render(s.result) }},
		{MetricsFile, func(s source) ([]byte, error) { return openmetrics.Render(s.result), nil }},
		{"junit.xml", func(s source) ([]byte, error) { return junit.Render(s.result) }},
		{"checklist.ckl", func(s source) ([]byte, error) { return checklist.CKL(s.result, s.rule, s.metadata) }},
		{"checklist.cklb", func(s source) ([]byte, error) { return checklist.CKLB(s.result, s.rule, s.metadata) }},
		{"assessment-results.json", func(s source) ([]byte, error) { return oscal.Render(s.result, s.rule, s.metadata) }},
		{"ledger.json", func(s source) ([]byte, error) { return encode(ledgers(s.result)) }},
		{"scan.json", func(s source) ([]byte, error) { return encode(scans(s.result)) }},
	}
	// An empty list means that there were none. If they could not be read, there is no file.
	if objects := r.Snapshot.Objects; objects != nil {
		all = append(all, report{"objects.json", func(source) ([]byte, error) { return encode(objects) }})
	}
	if events := r.Snapshot.Events; events != nil {
		all = append(all, report{"events.json", func(source) ([]byte, error) { return encode(events) }})
	}
	return all
}

// Ledger is the ledger of a cell in ledger.json.
type Ledger struct {
	Cell string `json:"cell,omitempty"`
	// DisplayName is the name by which users see a cell that has no name of its own.
	DisplayName string         `json:"displayName,omitempty"`
	JournalFile string         `json:"journalFile"`
	Journal     journal.Format `json:"journal"`
	// Epochs is the number of writers.
	Epochs int `json:"epochs"`
	// Forced reports whether they were deleted by force. Two of them may then have run at the same time.
	Forced bool `json:"forced,omitempty"`
	// Layout is the write pattern and the number of its objects; absent for append.
	Layout pattern.Layout `json:"layout,omitzero"`
	Acks   []ledger.Ack   `json:"acks"`
}

func ledgers(r result.Result) []Ledger {
	all := []Ledger{}
	for _, c := range r.Cells {
		displayName := ""
		if c.Spec.Name == "" {
			displayName = c.DisplayName()
		}
		all = append(all, Ledger{
			Cell: c.Spec.Name, DisplayName: displayName,
			JournalFile: c.JournalFile, Journal: c.Journal, Epochs: c.Writers(), Forced: c.Spec.Force,
			Layout: c.Layout, Acks: append([]ledger.Ack{}, c.Acks...),
		})
	}
	return all
}

// CellReads has the reads of a cell's journal in scan.json, in order.
type CellReads struct {
	Cell  string      `json:"cell,omitempty"`
	Reads []SavedRead `json:"reads"`
}

// SavedRead is an entry of scan.json: what a writer found before its first commit, or what the reader found.
type SavedRead struct {
	// Epoch is that of the writer; 0 for the reader.
	Epoch      int                 `json:"epoch,omitempty"`
	Pod        string              `json:"pod"`
	Node       string              `json:"node"`
	ReceivedAt time.Time           `json:"receivedAt,omitzero"`
	ScanResult protocol.ScanResult `json:"scan"`
	// ListedByNext is what the lists of the scan omit; absent if they are complete.
	ListedByNext *result.ListedByNext `json:"listedByNext,omitempty"`
}

func scans(r result.Result) []CellReads {
	all := []CellReads{}
	for _, c := range r.Cells {
		s := CellReads{Cell: c.Spec.Name, Reads: []SavedRead{}}
		for _, read := range c.Reads() {
			s.Reads = append(s.Reads, SavedRead{
				read.Epoch, read.Name, read.Node, read.ReceivedAt, read.ScanResult, read.ListedByNext,
			})
		}
		all = append(all, s)
	}
	return all
}
