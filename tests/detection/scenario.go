package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/tests/detection/baseline"
	"github.com/volume-durability/volume-durability/tests/detection/expect"
	"github.com/volume-durability/volume-durability/tests/detection/faultvolume"
)

// scenario is one fault, with the findings and the verdict that are expected.
type scenario struct {
	// name is shown in the table.
	name  string
	fault faultvolume.Fault
	// options override those of trial.env.
	options map[string]string
	want    expect.Rule
	verdict judge.Verdict
	// classOnly is whether only the classes of findings are compared: which record an object must have follows from the
	// code under test.
	classOnly bool
}

// recordSize is small enough that the pages the faults damage were acknowledged long
// before the first deletion.
const recordSize = 256

// oneDeletion deletes the writer once, so that the reader is the first to read the damage.
var oneDeletion = map[string]string{"TOTAL_CHAOS_DURATION": "3"}

// shortVerifyTimeout ends a run early if its reader hangs.
var shortVerifyTimeout = map[string]string{"VERIFY_TIMEOUT": "15"}

// override returns a copy of base with one value replaced.
func override(base map[string]string, name, value string) map[string]string {
	all := maps.Clone(base)
	all[name] = value
	return all
}

// passes returns a scenario whose fault harms no acknowledged data.
func passes(name, what, when string) scenario {
	fault := faultvolume.Fault{What: what, When: when}
	return scenario{name: name, fault: fault, want: expect.NoFinding, verdict: judge.Pass}
}

// fails returns a scenario whose fault is harmful.
func fails(name, what, when string, want expect.Rule) scenario {
	fault := faultvolume.Fault{What: what, When: when}
	return scenario{name: name, fault: fault, want: want, verdict: judge.Fail}
}

// with returns the scenario with other options.
func (s scenario) with(options map[string]string) scenario {
	s.options = options
	return s
}

// Moments of faults. Most faults take effect when the first writer ends: the second
// writer finds the damage and continues to write.
const (
	firstWriterEnds  = "close"
	secondWriterEnds = "close=2"
	whileWriting     = "bytes=40000"
)

// scenarios returns all scenarios, in the order of the table.
func scenarios(foreignJournal string) []scenario {
	return slices.Concat(lossScenarios(), contentScenarios(foreignJournal), patternScenarios(), refusalScenarios(),
		hangScenarios())
}

// lossScenarios lose the end of the journal.
func lossScenarios() []scenario {
	tail := expect.Tail(judge.LostTail)
	records := func(n int) string { return fmt.Sprintf("lose-synced:records=%d,record-size=%d", n, recordSize) }
	const bytes = "lose-synced:last-bytes=10000"
	return []scenario{
		passes("no fault", "", firstWriterEnds),
		passes("unsynced data lost, writer killed while it writes", "lose-unsynced", firstWriterEnds).
			with(map[string]string{"FORCE": "true", "WRITE_RATE": "1000"}),
		fails("synced data lost, 10 000 bytes", bytes, firstWriterEnds, tail),
		fails("synced data lost, 7 records", records(7), firstWriterEnds, tail),
		fails("synced data lost, the last record", records(1), firstWriterEnds, tail).with(oneDeletion),
		fails("synced data lost, the whole last second", "lose-synced:age=1s", firstWriterEnds, tail),
		fails("synced data lost, no later writer", bytes, firstWriterEnds, tail).with(oneDeletion),
		fails("last write torn, in the middle", "torn-write:keep=100", firstWriterEnds, tail),
		fails("last write torn, last byte lost", "torn-write:keep=-1", firstWriterEnds, tail),
		fails("last write torn, one byte left", "torn-write:keep=1", firstWriterEnds, tail).with(oneDeletion),
	}
}

// contentScenarios change, replace or remove what was written.
func contentScenarios(foreignJournal string) []scenario {
	const when, snapshot = firstWriterEnds, "roll-back:snapshot=bytes:30000"
	corrupt, missing := expect.Bytes(judge.Corrupt), expect.AllRecords(1, judge.Missing)
	pages := func(first int64, class judge.Class, second int64, other judge.Class) expect.Rule {
		return expect.Combine(expect.Page(first, class), expect.Page(second, other))
	}
	return []scenario{
		fails("one bit flipped", "bit-flip:offset=5000,bit=3", when, corrupt),
		fails("one bit flipped in the last record", "bit-flip:offset=-200,bit=0", when, corrupt).with(oneDeletion),
		fails("a page zeroed", "zero-page:page=3", when, expect.Page(3, judge.Corrupt)),
		fails("a page written to the wrong place", "misdirected-page:page=2,to=5", when,
			pages(2, judge.Reordered, 5, judge.Corrupt)),
		fails("two pages swapped", "swap-pages:page=2,to=6", when, pages(2, judge.Reordered, 6, judge.Reordered)),
		fails("a page duplicated over another", "duplicate-page:page=4,to=1", when,
			pages(4, judge.Duplicated, 1, judge.Corrupt)),
		fails("an old snapshot restored", snapshot, when, expect.Tail(judge.LostTail)),
		fails("an old snapshot restored, after a pod had read newer data", snapshot, secondWriterEnds,
			expect.Combine(expect.Tail(judge.RolledBack), expect.AllRecords(2, judge.LostTail))),
		fails("truncated", "truncate:size=50000", when, expect.Tail(judge.LostTail)),
		fails("truncated to nothing", "truncate:size=0", when, missing).with(oneDeletion),
		fails("file deleted", "lose-file", when, missing),
		fails("directory emptied", "empty-directory", when, missing).with(oneDeletion),
		fails("replaced by the journal of another run", "foreign-file:with="+foreignJournal, when,
			expect.AllRecords(1, judge.Foreign)),
	}
}

// writePattern returns the write pattern of the writers.
func (s scenario) writePattern() pattern.Name { return pattern.Name(s.options["WRITE_PATTERN"]) }

// data returns what the writers write, as the other methods see it.
func (s scenario) data() baseline.Data {
	name := s.writePattern()
	return baseline.Data{
		Path: options.Defaults().JournalFile, Appended: !name.HasObjects(), IsFolder: name.IsFolder(),
	}
}

// The first listing of the folder of a run on the cluster is that of the other methods, the second one that of the
// reader. A local run has only the reader's. The first writer does not list its folder.
const (
	readerLists      = "lists=2"
	localReaderLists = "lists=1"
)

// localFault returns the fault for a local run.
func (s scenario) localFault() faultvolume.Fault {
	fault := s.fault
	if fault.When == readerLists {
		fault.When = localReaderLists
	}
	return fault
}

// patternScenarios damage what the other write patterns than append write. Each has one deletion, so that the reader is
// the first to read the damage. At the rate of the trials, the writer writes each shared object at least twice before
// the deletion.
func patternScenarios() []scenario {
	const oldState, noFault = "an old snapshot restored", "no fault"
	const lostSecond = "the synced writes of the last second lost"
	return []scenario{
		appended(pattern.SyncWrite, "synced data lost, 7 records", fmt.Sprintf(
			"lose-synced:records=7,record-size=%d", recordSize), expect.Tail(judge.LostTail)),
		appended(pattern.SyncWrite, "last write torn, in the middle", "torn-write:keep=100", expect.Tail(judge.LostTail)),
		harmless(pattern.Overwrite, noFault),
		slots(pattern.Overwrite, "a page zeroed", "zero-page:page=3", judge.Missing),
		slots(pattern.Overwrite, "two pages swapped", "swap-pages:page=2,to=6", judge.Misdirected),
		slots(pattern.Overwrite, "a page duplicated over another", "duplicate-page:page=2,to=6", judge.Misdirected),
		slots(pattern.Overwrite, "eight bits flipped", "bit-flip:offset=1000,bit=3,count=8", judge.Corrupt),
		slots(pattern.Overwrite, lostSecond, "lose-synced:age=1s", judge.Stale),
		slots(pattern.Overwrite, oldState, "roll-back:snapshot=sync:300", judge.Stale).
			with(patternOptions(pattern.Overwrite, 16)),
		slots(pattern.Overwrite, "file deleted", "lose-file", judge.Missing),
		slots(pattern.Map, "a page zeroed", "zero-page:page=3", judge.Missing),
		slots(pattern.Map, lostSecond, "lose-synced:age=1s", judge.Stale),
		harmless(pattern.Replace, noFault),
		files(pattern.Replace, "synced renames lost", "lose-rename", judge.Stale),
		files(pattern.Replace, "renamed files empty", "empty-rename", judge.Missing),
		folder(pattern.Replace, oldState, "roll-back:snapshot=sync:300", judge.Stale).
			with(patternOptions(pattern.Replace, 16)),
		harmless(pattern.Create, noFault),
		files(pattern.Create, "created files lost", "lose-create", judge.Missing),
		folder(pattern.Create, oldState, "roll-back:snapshot=sync:100", judge.Missing),
		harmless(pattern.Remove, noFault),
		files(pattern.Remove, "removed files present again", "undo-unlink", judge.Resurrected),
		folder(pattern.Remove, "created files lost", "lose-create:count=8", judge.Missing),
		harmless(pattern.Recycle, noFault),
		files(pattern.Recycle, "recycled files present under both names", "both-names", judge.Resurrected),
		folder(pattern.Recycle, "renamed files empty", "empty-rename:count=8", judge.Missing),
		harmless(pattern.Mixed, noFault),
		folder(pattern.Mixed, "created files lost", "lose-create:count=16", judge.Missing),
		folder(pattern.Mixed, "removed files present again", "undo-unlink:count=8", judge.Resurrected),
	}
}

// appended returns a scenario with a pattern that writes a journal. The fault takes effect when the first writer ends.
func appended(name pattern.Name, what, fault string, want expect.Rule) scenario {
	return withPattern(name, fails(what, fault, firstWriterEnds, want))
}

// slots returns a scenario that damages the file of a pattern when the first writer ends.
func slots(name pattern.Name, what, fault string, class judge.Class) scenario {
	return classOnly(withPattern(name, fails(what, fault, firstWriterEnds, expect.NoRecords(class))))
}

// files returns a scenario that damages the last files of a pattern when the reader lists them.
func files(name pattern.Name, what, fault string, class judge.Class) scenario {
	const lost = 8
	fault = fmt.Sprintf("%s:count=%d", fault, lost)
	return withPattern(name, fails(what, fault, readerLists, expect.LastRecords(lost, class)))
}

// folder returns a scenario that damages the folder of a pattern when the reader lists it.
func folder(name pattern.Name, what, fault string, class judge.Class) scenario {
	return classOnly(withPattern(name, fails(what, fault, readerLists, expect.NoRecords(class))))
}

// harmless returns a scenario without a fault.
func harmless(name pattern.Name, what string) scenario {
	return withPattern(name, passes(what, "", firstWriterEnds))
}

func classOnly(s scenario) scenario {
	s.classOnly = true
	return s
}

// withPattern returns the scenario for a write pattern, with one deletion.
func withPattern(name pattern.Name, s scenario) scenario {
	s.name = fmt.Sprintf("`%s`: %s", name, s.name)
	objects := 256
	if name.IsFolder() {
		objects = 64
	}
	return s.with(patternOptions(name, objects))
}

// patternOptions returns the options of a run with a write pattern and one deletion.
func patternOptions(name pattern.Name, objects int) map[string]string {
	env := override(oneDeletion, "WRITE_PATTERN", string(name))
	if name.HasObjects() {
		env["WRITE_OBJECTS"] = strconv.Itoa(objects)
	}
	return env
}

// refusalScenarios make calls to the volume fail.
func refusalScenarios() []scenario {
	full := passes("volume full", "no-space", whileWriting)
	full.verdict = judge.Error
	return []scenario{
		fails("read-only after the restart", "read-only", firstWriterEnds, expect.NoRecords(judge.ReadOnly)),
		passes("a sync fails once, later ones succeed", "sync-error", "sync=100"),
		full,
		fails("an unreadable page", "read-error:page=3", firstWriterEnds, expect.Page(3, judge.Unavailable)),
		fails("not mounted after the restart", "unmount", firstWriterEnds, expect.AllRecords(1, judge.Missing)),
	}
}

// hangScenarios make calls to the volume hang or slow.
func hangScenarios() []scenario {
	unavailable := expect.NoRecords(judge.Unavailable)
	return []scenario{
		fails("reads hang after the restart", "hang-read", firstWriterEnds, unavailable).with(shortVerifyTimeout),
		fails("reads hang, for the reader", "hang-read", firstWriterEnds, unavailable).
			with(override(shortVerifyTimeout, "TOTAL_CHAOS_DURATION", "3")),
		fails("syncs hang, while the first writer writes", "hang-sync", whileWriting, unavailable).
			with(override(shortVerifyTimeout, "CHAOS_INTERVAL", "6")),
		fails("syncs hang, and the writer is deleted by force", "hang-sync", whileWriting, unavailable).
			with(map[string]string{"FORCE": "true", "CHAOS_INTERVAL": "8"}),
		fails("syncs hang after the restart", "hang-sync", firstWriterEnds, unavailable).with(shortVerifyTimeout),
		passes("every sync takes half a second", "slow-sync:delay=500ms", "mount"),
	}
}
