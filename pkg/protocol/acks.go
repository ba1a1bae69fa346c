package protocol

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// Output is what writers reported about one journal.
type Output struct {
	// Journal has no path if it comes from the helper, which does not print a Journal message.
	Journal Journal
	// Acks are the highest acknowledgements of each epoch.
	Acks []ledger.Ack
	// Epochs is the number of writers, as far as it is known.
	Epochs int
}

// ReadAcks reads a file of acknowledgements as ReadOutput does. It returns the highest acknowledgement of each epoch.
func ReadAcks(r io.Reader) (Journal, []ledger.Ack, error) {
	o, err := ReadOutput(r)
	return o.Journal, o.Acks, err
}

// ReadOutput reads what one or more writers reported. The first line is a Journal message or the ScanResult with which
// the helper's write begins. The last line may be incomplete, because the machine that sent it may have lost power.
func ReadOutput(r io.Reader) (Output, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	var o outputReader
	var malformed error
	for n := 1; lines.Scan(); n++ {
		if malformed != nil {
			return Output{}, malformed
		}
		m, err := Parse(lines.Bytes())
		switch {
		case err != nil && n > 1:
			malformed = fmt.Errorf("line %d: %w", n, err)
			continue
		case err == nil:
			err = o.add(m)
		}
		if err != nil {
			return Output{}, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if lines.Err() == nil && o.isEmpty() {
		return Output{}, errors.New("the file is empty")
	}
	return o.output(), lines.Err()
}

// outputReader collects the messages of writers.
type outputReader struct {
	journal Journal
	ledger  ledger.Ledger
	scans   int
}

func (o *outputReader) isEmpty() bool { return o.journal.Format == (journal.Format{}) }

func (o *outputReader) add(m Message) error {
	switch {
	case m.Journal != nil:
		return o.setJournal(*m.Journal)
	case m.ScanResult != nil:
		o.scans++ // a writer scans the journal once
		return o.setJournal(Journal{Format: m.ScanResult.Format, Layout: o.journal.Layout, Path: o.journal.Path})
	case m.Rereading != nil: // it comes before the scan
		return nil
	case o.isEmpty():
		return errors.New("want a journal message or a scan message first")
	case m.Ack != nil:
		return o.ledger.Add(*m.Ack)
	}
	return nil
}

func (o *outputReader) setJournal(j Journal) error {
	if !o.isEmpty() && o.journal.Format != j.Format {
		return fmt.Errorf("this is about journal %s, the lines before it are about journal %s", j.ID, o.journal.ID)
	}
	if j.Layout != (pattern.Layout{}) {
		if err := j.Layout.Validate(); err != nil {
			return err
		}
	}
	o.journal = j
	return nil
}

func (o *outputReader) output() Output {
	out := Output{Journal: o.journal, Acks: o.ledger.Acks(), Epochs: o.scans}
	for _, a := range out.Acks {
		out.Epochs = max(out.Epochs, a.Epoch)
	}
	return out
}
