package html

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// timelineOf is what happened to a cell when; nil where nothing did.
func timelineOf(c result.Cell) *figure {
	events := eventsOf(c)
	if len(events) < 2 {
		return nil
	}
	from, to := events[0].at, events[len(events)-1].at
	if !from.Before(to) {
		return nil
	}
	const margin = 40 // beside the last event there is room for what was found then
	edge := to.Add(to.Sub(from) / margin)
	t := chart.Timeline{From: from, To: edge, Number: groupedFloat, Promised: promised(c, from, to), Looks: looks(c), Outages: outages(c, to), Lanes: lanes(c, to)}
	t.Alternative = fmt.Sprintf("Timeline from %s to %s UTC: %s were acknowledged by %s, %s.",
		clock(from), clock(to), counted(ledger.CountRecords(c.Acks), "record"), counted(len(c.Epochs), "writer"), counted(c.Deletions(), "deletion"))
	if c.Reader != nil && c.Reader.Judgement.Acknowledged > 0 {
		t.Alternative += fmt.Sprintf(" The reader found %s of them intact.", grouped(c.Reader.Judgement.Intact))
	}
	data := table{Caption: "What happened when, in UTC", Head: []string{"Time", "After", "What"}, Numeric: map[int]bool{1: true}}
	for _, e := range events {
		data.Rows = append(data.Rows, []string{clock(e.at), "+" + cmp.Or(zero(e.at.Sub(from)), lasting(e.at.Sub(from))), e.what})
	}
	return &figure{
		Caption: "Records acknowledged over time (UTC), all epochs together",
		Picture: t.SVG(), Data: data,
		Legend: []sign{
			{"promised", "acknowledged"}, {"deletion", "deletion of the writer's pod"}, {"outage", "until a new acknowledgement"},
			{"found", "found intact by a pod that looked"}, {"working", "pod at work"}, {"coming", "coming up"}, {"leaving", "being deleted"},
		},
	}
}

func zero(d time.Duration) string {
	if d == 0 {
		return "0" + space + "s"
	}
	return ""
}

// promised is how much had been acknowledged, all epochs together.
func promised(c result.Cell, from, to time.Time) []chart.Amount {
	all := []chart.Amount{{At: from}}
	held := heldOf(c)
	var before uint64
	for _, e := range c.Epochs {
		for i, heard := range e.Acks {
			if i == 0 {
				all = append(all, chart.Amount{At: heard.At, Count: float64(before)})
			}
			all = append(all, chart.Amount{At: heard.At, Count: float64(before + heard.Seq)})
		}
		before += max(lastSeq(e), held[e.Number])
	}
	return append(all, chart.Amount{At: to, Count: float64(before)})
}

// heldOf is up to which record each epoch was acknowledged.
func heldOf(c result.Cell) map[int]uint64 {
	held := map[int]uint64{}
	for _, p := range c.Acks {
		held[p.Epoch] = p.Seq
	}
	return held
}

func lastSeq(e result.Epoch) uint64 {
	if len(e.Acks) == 0 {
		return 0
	}
	return e.Acks[len(e.Acks)-1].Seq
}

// looks are those of all pods that read the journal.
func looks(c result.Cell) []chart.Look {
	var all []chart.Look
	for _, l := range looksOf(c) {
		if l.Judgement.Acknowledged > 0 && !l.Seen.IsZero() {
			all = append(all, chart.Look{At: l.Seen, Promised: float64(l.Judgement.Acknowledged), Found: float64(l.Judgement.Intact)})
		}
	}
	return all
}

func looksOf(c result.Cell) []result.JournalRead {
	var all []result.JournalRead
	for _, e := range c.Epochs {
		if e.InitialRead != nil {
			all = append(all, *e.InitialRead)
		}
	}
	if c.Reader != nil {
		all = append(all, *c.Reader)
	}
	return all
}

// outages are the times from each deletion to the next acknowledgement.
func outages(c result.Cell, end time.Time) []chart.Outage {
	var all []chart.Outage
	for i, e := range c.Epochs {
		if e.Deleting.IsZero() {
			continue
		}
		o := chart.Outage{From: e.Deleting, To: e.Deleting}
		if i+1 < len(c.Epochs) {
			o.To = end
			if back := c.Epochs[i+1].FirstAckAt; !back.IsZero() {
				o.To = back
				o.Label = lasting(back.Sub(e.Deleting))
			}
		}
		all = append(all, o)
	}
	return all
}

// lanes are the pods as bars.
func lanes(c result.Cell, end time.Time) []chart.Lane {
	writers := chart.Lane{Name: "Writer's pods, one an epoch"}
	for _, e := range c.Epochs {
		gone := cmp.Or(e.Gone, end)
		writers.Bars = append(writers.Bars, bars(e.Pod, cmp.Or(e.Deleting, gone), fmt.Sprint(e.Number), "writer "+fmt.Sprint(e.Number))...)
		if !e.Deleting.IsZero() && gone.After(e.Deleting) {
			writers.Bars = append(writers.Bars, chart.Bar{From: e.Deleting, To: gone, Kind: chart.Leaving, Title: "being deleted, " + lasting(gone.Sub(e.Deleting))})
		}
	}
	all := []chart.Lane{writers}
	if c.Reader != nil && !c.Reader.Created.IsZero() {
		all = append(all, chart.Lane{Name: "Reader's pod: mount, then scan", Bars: bars(c.Reader.Pod, cmp.Or(c.Reader.Seen, end), "", "reader")})
	}
	return all
}

func bars(p result.Pod, until time.Time, label, title string) []chart.Bar {
	if p.Created.IsZero() && p.Started.IsZero() {
		return nil
	}
	created, started := cmp.Or(p.Created, p.Started), cmp.Or(p.Started, until)
	all := []chart.Bar{{From: created, To: started, Kind: chart.Coming, Title: title + " coming up, " + lasting(started.Sub(created))}}
	if until.After(started) {
		all = append(all, chart.Bar{From: started, To: until, Kind: chart.Working, Label: label, Title: title + " at work, " + lasting(until.Sub(started))})
	}
	return all
}

// event is something that happened.
type event struct {
	at   time.Time
	what string
}

// eventsOf are all that are known, in order.
func eventsOf(c result.Cell) []event {
	var all []event
	add := func(at time.Time, format string, values ...any) {
		if !at.IsZero() {
			all = append(all, event{at, fmt.Sprintf(format, values...)})
		}
	}
	steps := func(who string, p result.Pod) {
		add(p.Created, "%s (pod %s) is made", who, p.Name)
		add(p.Scheduled, "%s is scheduled to %s", who, p.Node)
		add(p.Attached, "%s: the volume is attached", who)
		add(p.Mounted, "%s: the volume is mounted", who)
		add(p.Started, "%s runs", who)
	}
	for _, e := range c.Epochs {
		who := fmt.Sprintf("Writer %d", e.Number)
		steps(who, e.Pod)
		if e.InitialRead != nil {
			add(e.InitialRead.Seen, "%s has looked at the journal: %s", who, foundBy(*e.InitialRead))
		}
		add(e.FirstAckAt, "%s is told for the first time that its data is safe", who)
		add(e.Deleting, "%s is deleted, %s; %s at stake", who, graceOf(e), counted(e.AckedAtDeletion, "record"))
		add(e.Gone, "%s is gone", who)
	}
	if c.Reader != nil {
		steps("Reader", c.Reader.Pod)
		add(c.Reader.Seen, "Reader has read the journal: %s", foundBy(*c.Reader))
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

func foundBy(l result.JournalRead) string {
	if l.Judgement.Acknowledged == 0 {
		return counted(l.ScanResult.Records, "record")
	}
	return fmt.Sprintf("%s of %s intact", grouped(l.Judgement.Intact), counted(l.Judgement.Acknowledged, "acknowledged record"))
}

func graceOf(e result.Epoch) string {
	switch {
	case e.Grace == nil:
		return "with its own grace period"
	case *e.Grace == 0:
		return "by force"
	default:
		return "with a grace period of " + fmt.Sprint(*e.Grace) + space + "s"
	}
}
