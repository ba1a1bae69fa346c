package judge

import "fmt"

// checkForeign reports intact records that this run did not write.
func (e *evaluation) checkForeign() {
	for _, f := range e.Scan.Foreign {
		e.report(Finding{
			Class: Foreign, Offset: f.Offset, End: f.End,
			Detail: fmt.Sprintf("%s of journal %s", Count(f.Records, "record"), f.ID),
		})
	}
	for _, s := range e.Scan.Segments {
		if s.Epoch > e.Epochs {
			e.report(Finding{
				Class: Foreign, Epoch: s.Epoch, First: s.First, Last: s.Last, Offset: s.Offset, End: s.End,
				Detail: fmt.Sprintf("only %s had been started", Count(e.Epochs, "epoch")),
			})
		}
	}
}
