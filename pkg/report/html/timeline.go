package html

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// timelineFigure shows the events of a cell over time; nil if there are none.
func timelineFigure(c result.Cell) *figure {
	events := cellEvents(c)
	if len(events) < 2 {
		return nil
	}
	from, to := events[0].at, events[len(events)-1].at
	if !from.Before(to) {
		return nil
	}
	const margin = 40 // leaves room for the label of the last event
	edge := to.Add(to.Sub(from) / margin)
	t := chart.Timeline{
		From: from, To: edge, Format: groupedFloat, Acked: ackedOverTime(c, from, to), Reads: chartReads(c),
		Recoveries: recoveries(c, to), Lanes: lanes(c, to),
	}
	t.Alternative = fmt.Sprintf("Timeline from %s to %s UTC: %s acknowledged, %s, %s.",
		formatClock(from), formatClock(to), counted(ledger.CountRecords(c.Acks), "record"),
		counted(c.Writers(), "writer"), counted(c.Deletions(), c.DeletionNoun()))
	if c.Reader != nil && c.Reader.Judgement.Acknowledged > 0 {
		t.Alternative += fmt.Sprintf(" The reader found %s of them %s.", grouped(c.Reader.Judgement.Intact), intactWord(c))
	}
	data := table{
		Caption: "Events (times in UTC)", Head: []string{"Time", "After", "Event"}, Numeric: map[int]bool{1: true},
	}
	for _, e := range events {
		after := "+0" + space + "s"
		if e.at.After(from) {
			after = "+" + formatDuration(e.at.Sub(from))
		}
		data.Rows = append(data.Rows, []string{formatClock(e.at), after, e.text})
	}
	note := briefNote(c, "The list of events")
	if len(t.Recoveries) > chart.MaxRecoveries {
		note = strings.TrimSpace(fmt.Sprintf("The chart shows the %d longest of %s. %s", chart.MaxRecoveries,
			counted(len(c.Recoveries()), "recovery"), note))
	}
	return &figure{
		Caption: "Records acknowledged over time (UTC), all epochs together",
		Chart:   t.SVG(), Data: data.shortened("event"), Note: note,
		Legend: []legendEntry{
			{"acked", "acknowledged"}, {"deletion", c.DeletionNoun() + " of the writer"},
			{"recovery", "recovery, until the next acknowledgement"}, {"found", "found " + intactWord(c) + " when it was read"},
			{"running", "running"}, {"starting", "starting"}, {"deleting", "being " + deletedWord(c)},
		},
	}
}

// briefNote says that a list leaves out the writers of which the result has only the main facts. It is empty if there
// are none.
func briefNote(c result.Cell, list string) string {
	if c.Brief == nil {
		return ""
	}
	return fmt.Sprintf("%s leaves out %s, of which the result has only the main facts.", list,
		counted(len(c.Brief.Epochs), "writer"))
}

// intactWord describes the acknowledged records that a read found. Superseded and removed records are among them.
func intactWord(c result.Cell) string {
	switch {
	case c.Layout.Pattern == pattern.Mixed:
		return "intact, replaced or removed"
	case c.Layout.Pattern.EveryOperationRemoves():
		return "intact or removed"
	case c.Layout.Pattern.SharesObjects():
		return "intact or replaced"
	}
	return "intact"
}

// deletedWord is the participle for the end of a writer: a local run kills it.
func deletedWord(c result.Cell) string {
	if c.IsLocal() {
		return "killed"
	}
	return "deleted"
}

// ackedOverTime counts the acknowledged records of all epochs.
func ackedOverTime(c result.Cell, from, to time.Time) []chart.Amount {
	all := []chart.Amount{{At: from}}
	acked := lastAcked(c)
	var before uint64
	for _, e := range c.AllEpochs() {
		if b := e.Brief; b != nil {
			before += acked[b.Number]
			all = append(all, chart.Amount{At: b.DeletionRequestedAt, Count: float64(before)})
			continue
		}
		for i, ack := range e.Full.Acks {
			if i == 0 {
				all = append(all, chart.Amount{At: ack.ReceivedAt, Count: float64(before)})
			}
			all = append(all, chart.Amount{At: ack.ReceivedAt, Count: float64(before + ack.Seq)})
		}
		before += max(lastSeq(*e.Full), acked[e.Full.Number])
	}
	return append(all, chart.Amount{At: to, Count: float64(before)})
}

// lastAcked returns the last acknowledged sequence number of each epoch.
func lastAcked(c result.Cell) map[int]uint64 {
	acked := map[int]uint64{}
	for _, ack := range c.Acks {
		acked[ack.Epoch] = ack.Seq
	}
	return acked
}

func lastSeq(e result.Epoch) uint64 {
	if len(e.Acks) == 0 {
		return 0
	}
	return e.Acks[len(e.Acks)-1].Seq
}

// chartReads returns the reads that could have found acknowledged records.
func chartReads(c result.Cell) []chart.ReadPoint {
	var reads []chart.ReadPoint
	for _, r := range c.Reads() {
		if j := r.Judgement; j.Acknowledged > 0 && !r.ReceivedAt.IsZero() {
			reads = append(reads, chart.ReadPoint{At: r.ReceivedAt, Acked: float64(j.Acknowledged), Found: float64(j.Intact)})
		}
	}
	return reads
}

// recoveries returns the times from each deletion to the next acknowledgement.
func recoveries(c result.Cell, end time.Time) []chart.Recovery {
	var all []chart.Recovery
	took := map[int]time.Duration{}
	for _, r := range c.Recoveries() {
		took[r.Epoch] = r.FirstAck
	}
	epochs := c.AllEpochs()
	for i, e := range epochs {
		deleted := e.Main().DeletionRequestedAt
		if deleted.IsZero() {
			continue
		}
		o := chart.Recovery{From: deleted, To: deleted}
		if recovery := took[e.Main().Number]; recovery > 0 {
			o.To, o.Label = deleted.Add(recovery), formatDuration(recovery)
		} else if i+1 < len(epochs) {
			o.To = end
		}
		all = append(all, o)
	}
	return all
}

// lanes returns the lifetimes of the writers and the reader.
func lanes(c result.Cell, end time.Time) []chart.Lane {
	writers := chart.Lane{Name: "Writers, numbered by epoch"}
	var deleted time.Time
	for _, e := range c.AllEpochs() {
		if b := e.Brief; b != nil {
			writers.Bars = append(writers.Bars, chart.Bar{
				From: deleted.Add(b.Recovery), To: b.DeletionRequestedAt, Kind: chart.Running, Label: grouped(b.Number),
			})
			deleted = b.DeletionRequestedAt
			continue
		}
		deleted = e.Full.DeletionRequestedAt
		gone := cmp.Or(e.Full.DeletedAt, end)
		number := grouped(e.Full.Number)
		writers.Bars = append(writers.Bars, bars(e.Full.Pod, cmp.Or(deleted, gone), number, "writer "+number)...)
		if !deleted.IsZero() && gone.After(deleted) {
			writers.Bars = append(writers.Bars, chart.Bar{
				From: deleted, To: gone, Kind: chart.Deleting,
				Title: "writer " + number + " being " + deletedWord(c) + " for " + formatDuration(gone.Sub(deleted)),
			})
		}
	}
	all := []chart.Lane{writers}
	if c.Reader != nil && !c.Reader.CreatedAt.IsZero() {
		readerBars := bars(c.Reader.Pod, cmp.Or(c.Reader.ReceivedAt, end), "", "reader")
		all = append(all, chart.Lane{Name: "Reader", Bars: readerBars})
	}
	return all
}

func bars(p result.Pod, until time.Time, label, title string) []chart.Bar {
	if p.CreatedAt.IsZero() && p.StartedAt.IsZero() {
		return nil
	}
	created, started := cmp.Or(p.CreatedAt, p.StartedAt), cmp.Or(p.StartedAt, until)
	var all []chart.Bar
	if started.After(created) { // a process starts when it is created
		all = append(all, chart.Bar{
			From: created, To: started, Kind: chart.Starting,
			Title: title + " starting for " + formatDuration(started.Sub(created)),
		})
	}
	if until.After(started) {
		all = append(all, chart.Bar{
			From: started, To: until, Kind: chart.Running, Label: label,
			Title: title + " running for " + formatDuration(until.Sub(started)),
		})
	}
	return all
}

// event is something that happened to a cell.
type event struct {
	at   time.Time
	text string
}

// cellEvents returns the known events in the order of their times.
func cellEvents(c result.Cell) []event {
	var all []event
	add := func(at time.Time, format string, values ...any) {
		if !at.IsZero() {
			text := fmt.Sprintf(format, values...)
			all = append(all, event{at, strings.ToUpper(text[:1]) + text[1:]})
		}
	}
	steps := func(who string, p result.Pod) {
		if c.IsLocal() {
			add(p.StartedAt, "%s starts: %s", who, p.Name)
			return
		}
		add(p.CreatedAt, "%s (pod %s) is created", who, p.Name)
		add(p.ScheduledAt, "%s is scheduled to %s", who, p.Node)
		add(p.AttachedAt, "The volume is attached for %s", who)
		add(p.MountedAt, "The volume is mounted for %s", who)
		add(p.StartedAt, "%s starts", who)
	}
	for _, e := range c.Epochs {
		who := "writer " + grouped(e.Number)
		steps(who, e.Pod)
		if e.InitialRead != nil {
			add(e.InitialRead.ReceivedAt, "%s has read the journal: %s", who, readOutcome(c, *e.InitialRead))
		}
		add(e.FirstAckAt, "First acknowledgement of %s", who)
		add(e.DeletionRequestedAt, "%s is %s; %s so far", who, deletionPhrase(c, e),
			counted(e.AckedAtDeletion, "acknowledged record"))
		add(e.DeletedAt, "%s no longer exists", who)
	}
	if c.Reader != nil {
		steps("reader", c.Reader.Pod)
		add(c.Reader.ReceivedAt, "reader has read the journal: %s", readOutcome(c, *c.Reader))
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

func readOutcome(c result.Cell, r result.JournalRead) string {
	if r.Judgement.Acknowledged == 0 {
		return counted(r.ScanResult.Records, "record")
	}
	acknowledged := counted(r.Judgement.Acknowledged, "acknowledged record")
	return fmt.Sprintf("%s of %s %s", grouped(r.Judgement.Intact), acknowledged, intactWord(c))
}

func deletionPhrase(c result.Cell, e result.Epoch) string {
	switch {
	case c.IsLocal():
		return "killed with " + c.KillSignal()
	case e.GracePeriodSeconds == nil:
		return "deleted with the pod's own grace period"
	case *e.GracePeriodSeconds == 0:
		return "deleted by force"
	default:
		return "deleted with a grace period of " + grouped(*e.GracePeriodSeconds) + space + "s"
	}
}
