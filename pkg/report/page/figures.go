package page

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
)

// timelineOf is what happened to a cell when; nil where nothing did.
func timelineOf(c evidence.Cell) *figure {
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
		clock(from), clock(to), counted(ledger.Records(c.Promises), "record"), counted(len(c.Epochs), "writer"), counted(c.Deletions(), "deletion"))
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
func promised(c evidence.Cell, from, to time.Time) []chart.Amount {
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
func heldOf(c evidence.Cell) map[int]uint64 {
	held := map[int]uint64{}
	for _, p := range c.Promises {
		held[p.Epoch] = p.Seq
	}
	return held
}

func lastSeq(e evidence.Epoch) uint64 {
	if len(e.Acks) == 0 {
		return 0
	}
	return e.Acks[len(e.Acks)-1].Seq
}

// looks are those of all pods that read the journal.
func looks(c evidence.Cell) []chart.Look {
	var all []chart.Look
	for _, l := range looksOf(c) {
		if l.Judgement.Acknowledged > 0 && !l.Seen.IsZero() {
			all = append(all, chart.Look{At: l.Seen, Promised: float64(l.Judgement.Acknowledged), Found: float64(l.Judgement.Intact)})
		}
	}
	return all
}

func looksOf(c evidence.Cell) []evidence.Look {
	var all []evidence.Look
	for _, e := range c.Epochs {
		if e.Found != nil {
			all = append(all, *e.Found)
		}
	}
	if c.Reader != nil {
		all = append(all, *c.Reader)
	}
	return all
}

// outages are the times from each deletion to the next acknowledgement.
func outages(c evidence.Cell, end time.Time) []chart.Outage {
	var all []chart.Outage
	for i, e := range c.Epochs {
		if e.Deleting.IsZero() {
			continue
		}
		o := chart.Outage{From: e.Deleting, To: e.Deleting}
		if i+1 < len(c.Epochs) {
			o.To = end
			if back := c.Epochs[i+1].FirstAck; !back.IsZero() {
				o.To = back
				o.Label = lasting(back.Sub(e.Deleting))
			}
		}
		all = append(all, o)
	}
	return all
}

// lanes are the pods as bars.
func lanes(c evidence.Cell, end time.Time) []chart.Lane {
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

func bars(p evidence.Pod, until time.Time, label, title string) []chart.Bar {
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
func eventsOf(c evidence.Cell) []event {
	var all []event
	add := func(at time.Time, format string, values ...any) {
		if !at.IsZero() {
			all = append(all, event{at, fmt.Sprintf(format, values...)})
		}
	}
	steps := func(who string, p evidence.Pod) {
		add(p.Created, "%s (pod %s) is made", who, p.Name)
		add(p.Scheduled, "%s is scheduled to %s", who, p.Node)
		add(p.Attached, "%s: the volume is attached", who)
		add(p.Mounted, "%s: the volume is mounted", who)
		add(p.Started, "%s runs", who)
	}
	for _, e := range c.Epochs {
		who := fmt.Sprintf("Writer %d", e.Number)
		steps(who, e.Pod)
		if e.Found != nil {
			add(e.Found.Seen, "%s has looked at the journal: %s", who, foundBy(*e.Found))
		}
		add(e.FirstAck, "%s is told for the first time that its data is safe", who)
		add(e.Deleting, "%s is deleted, %s; %s at stake", who, graceOf(e), counted(e.AtStake, "record"))
		add(e.Gone, "%s is gone", who)
	}
	if c.Reader != nil {
		steps("Reader", c.Reader.Pod)
		add(c.Reader.Seen, "Reader has read the journal: %s", foundBy(*c.Reader))
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

func foundBy(l evidence.Look) string {
	if l.Judgement.Acknowledged == 0 {
		return counted(l.Sighting.Records, "record")
	}
	return fmt.Sprintf("%s of %s intact", grouped(l.Judgement.Intact), counted(l.Judgement.Acknowledged, "acknowledged record"))
}

func graceOf(e evidence.Epoch) string {
	switch {
	case e.Grace == nil:
		return "with its own grace period"
	case *e.Grace == 0:
		return "by force"
	default:
		return "with a grace period of " + fmt.Sprint(*e.Grace) + space + "s"
	}
}

// latencyOf is the distribution of a cell's commits; nil where none is known.
func latencyOf(c evidence.Cell) *figure {
	l := c.Latency
	if l == nil || len(l.Bars) == 0 {
		return nil
	}
	var bins []chart.Bin
	for _, b := range l.Bars {
		bins = append(bins, chart.Bin{From: micro(b.From), To: micro(b.To), Count: b.Count})
	}
	bins = chart.Rebin(bins)
	d := chart.Distribution{Bins: bins, Number: onAxis, Points: []chart.Quantile{
		{Value: micro(l.P50), Label: "p50 " + lasting(l.P50)}, {Value: micro(l.P99), Label: "p99 " + lasting(l.P99)}, {Value: micro(l.Max), Label: "max " + lasting(l.Max)},
	}}
	d.Alternative = fmt.Sprintf("Distribution of how long %s took: half at most %s, 99 of 100 at most %s, the slowest %s.",
		counted(l.Count, "commit"), lasting(l.P50), lasting(l.P99), lasting(l.Max))
	data := table{Caption: "Commits by how long they took", Head: []string{"From", "To", "Commits"}, Numeric: map[int]bool{0: true, 1: true, 2: true}}
	for _, b := range bins {
		if b.Count > 0 {
			data.Rows = append(data.Rows, []string{lasting(duration(b.From)), lasting(duration(b.To)), grouped(b.Count)})
		}
	}
	note := fmt.Sprintf("%s of %s, by the writers' own clocks.", counted(l.Count, "commit"), counted(l.Records, "record"))
	if rate := c.Rate(); rate > 0 {
		note += fmt.Sprintf(" %s a second became durable while a writer was at work.", counted(int64(rate+0.5), "record"))
	}
	return &figure{Caption: "How long a commit took: a write and its sync (the scale is logarithmic)", Picture: d.SVG(), Data: data, Note: note}
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func duration(microseconds float64) time.Duration {
	return time.Duration(microseconds * float64(time.Microsecond))
}

// stepNames are the steps of a recovery, in the order in which they are drawn.
var stepNames = []string{"gone", "scheduled", "attached", "mounted", "started", "first acknowledgement"}

func stepsOf(r evidence.Recovery) []time.Duration {
	return []time.Duration{r.Gone, r.Scheduled, r.Attached, r.Mounted, r.Started, r.FirstAck}
}

// maxRecoveries bounds the rows of a picture. The table has them all.
const maxRecoveries = 12

// recoveryOf is how long a cell's writers took to come back; nil where none was to.
func recoveryOf(c evidence.Cell) *figure {
	all := c.Recoveries()
	if len(all) == 0 {
		return nil
	}
	data := table{Caption: "From each deletion on, until", Head: append(append([]string{"Deletion of"}, stepNames...), "Records at stake"), Numeric: map[int]bool{}}
	for i := range data.Head[1:] {
		data.Numeric[i+1] = true
	}
	for _, r := range all {
		row := []string{fmt.Sprintf("writer %d", r.Epoch)}
		for _, took := range stepsOf(r) {
			row = append(row, lasting(took))
		}
		data.Rows = append(data.Rows, append(row, grouped(r.AtStake)))
	}
	f := &figure{Caption: "How long the writer was away after each deletion, and in which steps it came back", Data: data}
	if len(all) > maxRecoveries {
		f.Note = fmt.Sprintf("Of %d recoveries the %d slowest are drawn; the table has them all.", len(all), maxRecoveries)
		slices.SortStableFunc(all, func(a, b evidence.Recovery) int { return cmp.Compare(b.FirstAck, a.FirstAck) })
		all = all[:maxRecoveries]
	}
	s := chart.Steps{Number: secondsOnAxis}
	for _, r := range all {
		s.Rows = append(s.Rows, stepRow(r))
	}
	s.Alternative = fmt.Sprintf("%s. The slowest took %s until its first new acknowledgement.", counted(len(c.Recoveries()), "deletion")+" with a return", lasting(c.SlowestRecovery()))
	f.Legend, f.Picture = legendOf(s), s.SVG()
	return f
}

// legendOf names the steps that are drawn.
func legendOf(s chart.Steps) []sign {
	drawn := map[int]bool{}
	for _, row := range s.Rows {
		for _, step := range row.Steps {
			drawn[step.Kind] = true
		}
	}
	var legend []sign
	for i, name := range stepNames {
		if drawn[i] {
			legend = append(legend, sign{fmt.Sprintf("step-%d", i), "until " + name})
		}
	}
	return legend
}

func stepRow(r evidence.Recovery) chart.StepRow {
	row := chart.StepRow{Name: fmt.Sprintf("writer %d deleted", r.Epoch), Total: lasting(r.FirstAck)}
	if r.FirstAck == 0 {
		row.Total = "did not come back"
	}
	for i, took := range stepsOf(r) {
		if took > 0 {
			row.Steps = append(row.Steps, chart.Step{To: took.Seconds(), Kind: i, Name: stepNames[i] + " after " + lasting(took)})
		}
	}
	return row
}

// compared are the pictures that set cells side by side, where there is more than one to see.
func compared(cells []evidence.Cell) []figure {
	var figures []figure
	commits := chart.Ranges{Number: onAxis, Alternative: "Commit latency of each cell; the table has the numbers."}
	returns := chart.Steps{Number: secondsOnAxis, Alternative: "The slowest recovery of each cell; the table has the numbers."}
	inCommits := table{Caption: "Commit latency", Head: []string{"Cell", "p50", "p99", "max"}, Numeric: map[int]bool{1: true, 2: true, 3: true}}
	inReturns := table{Caption: "Slowest recovery", Head: append([]string{"Cell"}, stepNames...), Numeric: map[int]bool{}}
	for i := range stepNames {
		inReturns.Numeric[i+1] = true
	}
	for _, c := range cells {
		if l := c.Latency; l != nil && l.P50 > 0 {
			values := []string{lasting(l.P50), lasting(l.P99), lasting(l.Max)}
			commits.Rows = append(commits.Rows, chart.RangeRow{Name: nameOf(c), Usual: micro(l.P50), High: micro(l.P99), Highest: micro(l.Max),
				Values: values[0] + " · " + values[1] + " · " + values[2]})
			inCommits.Rows = append(inCommits.Rows, append([]string{nameOf(c)}, values...))
		}
		if r, any := slowest(c); any {
			row := stepRow(r)
			row.Name = nameOf(c)
			returns.Rows = append(returns.Rows, row)
			cells := []string{nameOf(c)}
			for _, took := range stepsOf(r) {
				cells = append(cells, lasting(took))
			}
			inReturns.Rows = append(inReturns.Rows, cells)
		}
	}
	if len(commits.Rows) > 1 {
		figures = append(figures, figure{Caption: "How long a commit took: p50, p99 and the slowest (the scale is logarithmic)", Picture: commits.SVG(), Data: inCommits,
			Legend: []sign{{"usual", "p50"}, {"high", "p99"}, {"highest", "the slowest"}}})
	}
	if len(returns.Rows) > 1 {
		figures = append(figures, figure{Caption: "The slowest recovery: from a deletion to the first new acknowledgement, in steps", Picture: returns.SVG(), Data: inReturns, Legend: legendOf(returns)})
	}
	return figures
}

func slowest(c evidence.Cell) (evidence.Recovery, bool) {
	all := c.Recoveries()
	if len(all) == 0 || c.SlowestRecovery() == 0 {
		return evidence.Recovery{}, false
	}
	return slices.MaxFunc(all, func(a, b evidence.Recovery) int { return cmp.Compare(a.FirstAck, b.FirstAck) }), true
}

// maxMarks bounds the findings that a strip points at.
const maxMarks = 200

// stripOf is the journal as the last pod saw it; nil where none looked.
func stripOf(c evidence.Cell) *figure {
	all := looksOf(c)
	if len(all) == 0 {
		return nil
	}
	seen := all[len(all)-1].Sighting
	s := chart.Strip{Length: seen.Bytes, Number: bytesOnAxis}
	for i, f := range c.Findings[:min(len(c.Findings), maxMarks)] {
		end := f.End
		// Records that should stand after the file's end are drawn there.
		if f.Offset == f.End && f.Offset >= seen.Bytes {
			end += int64(f.Records) * int64(c.Journal.Size)
		}
		s.Length = max(s.Length, end)
		s.Marks = append(s.Marks, chart.Mark{From: f.Offset, To: end, Label: fmt.Sprint(i + 1)})
	}
	if s.Length == 0 {
		return nil
	}
	slices.SortStableFunc(s.Marks, func(a, b chart.Mark) int { return cmp.Compare(a.From, b.From) })
	data := table{Caption: "What the journal is made of", Head: []string{"From byte", "To byte", "What"}, Numeric: map[int]bool{0: true, 1: true}}
	s.Pieces, s.Parts, data.Rows = piecesOf(c, all[len(all)-1])
	s.Alternative = fmt.Sprintf("The journal from its first byte to its last: %s, %s.", counted(seen.Bytes, "byte"), counted(len(c.Findings), "finding"))
	for _, f := range c.Findings[:min(len(c.Findings), 5)] {
		s.Alternative += fmt.Sprintf(" %s: %s, %s.", f.Class, counted(f.Records, "record"), bytesOf(f))
	}
	note := ""
	switch {
	case !seen.Present:
		note = "There is no journal. What should be there is drawn."
	case seen.Bytes == 0:
		note = "The journal is empty. What should be there is drawn."
	}
	legend := []sign{{"kept", "acknowledged, there"}, {"unpromised", "there, never acknowledged"}}
	if len(c.Findings) > 0 {
		legend = append(legend, sign{"lost", "a finding, by its number"}, sign{"absent", "nothing is there"})
	}
	return &figure{Caption: "The journal by byte, as the last pod read it", Picture: s.SVG(), Data: data, Note: note, Legend: legend}
}

// maxPieces bounds the pieces that are listed.
const maxPieces = 200

func piecesOf(c evidence.Cell, l evidence.Look) (pieces []chart.Piece, parts []chart.Part, rows [][]string) {
	held := heldOf(c)
	type stretch struct {
		from, to int64
		kind     chart.PieceKind
		what     string
	}
	var all []stretch
	for _, s := range l.Sighting.Segments {
		kind, what := chart.Promised, "acknowledged"
		if s.First > held[s.Epoch] {
			kind, what = chart.Unpromised, "never acknowledged"
		}
		all = append(all, stretch{s.Offset, s.End, kind, fmt.Sprintf("epoch %d, records %s to %s, intact, %s", s.Epoch, grouped(s.First), grouped(s.Last), what)})
		if last := len(parts) - 1; last >= 0 && parts[last].Name == fmt.Sprintf("writer %d", s.Epoch) {
			parts[last].To = s.End
		} else {
			parts = append(parts, chart.Part{From: s.Offset, To: s.End, Name: fmt.Sprintf("writer %d", s.Epoch)})
		}
	}
	for _, d := range l.Sighting.Damage {
		all = append(all, stretch{d.Offset, d.Offset + d.Length, chart.Damaged, damaged(d.Partial != nil, d.Blank, d.Zeros == d.Length)})
	}
	for _, f := range l.Sighting.Foreign {
		all = append(all, stretch{f.Offset, f.End, chart.Strange, fmt.Sprintf("%s of journal %s", counted(f.Records, "record"), f.ID)})
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	for i, s := range all {
		pieces = append(pieces, chart.Piece{From: s.from, To: s.to, Kind: s.kind, Title: s.what})
		switch {
		case i < maxPieces:
			rows = append(rows, []string{grouped(s.from), grouped(s.to - 1), s.what})
		case i == maxPieces:
			rows = append(rows, []string{grouped(s.from), grouped(l.Sighting.Bytes), counted(len(all)-i, "more piece")})
		}
	}
	if len(rows) == 0 {
		rows = append(rows, []string{unknown, unknown, "nothing is there"})
	}
	return pieces, parts, rows
}

func damaged(partial, blank, zeros bool) string {
	switch {
	case partial:
		return "the beginning of a record"
	case blank:
		return "line ends only"
	case zeros:
		return "zeros"
	default:
		return "no intact record"
	}
}
