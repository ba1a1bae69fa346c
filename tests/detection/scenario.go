package main

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/detection/expect"
	"github.com/volume-durability/volume-durability/tests/detection/faultvolume"
)

// scenario is one fault, and what must be found of it.
type scenario struct {
	// name is the fault in a table reader's words.
	name  string
	fault faultvolume.Fault
	// inputs are those that differ from the other scenarios'.
	inputs map[string]string
	// want is what must be found, verdict what it must come to.
	want    expect.Rule
	verdict judge.Verdict
}

// The writer writes recordSize bytes at a time, so that the pages that the faults
// are about were acknowledged long before the first deletion.
const recordSize = 256

// once has the writer deleted once: the reader is the first who sees the damage.
var once = map[string]string{"TOTAL_CHAOS_DURATION": "3"}

func with(base map[string]string, name, value string) map[string]string {
	all := map[string]string{name: value}
	for n, v := range base {
		all[n] = v
	}
	return all
}

// scenarios are all that are tried. Where nothing else is said the fault takes
// effect when the first writer goes away: the second one finds the damage, and
// writes on.
func scenarios(strangers string) []scenario {
	const first, second = "close", "close=2"
	fails := func(name, what, when string, want expect.Rule) scenario {
		return scenario{name: name, fault: faultvolume.Fault{What: what, When: when}, want: want, verdict: judge.Fail}
	}
	passes := func(name, what, when string) scenario {
		return scenario{name: name, fault: faultvolume.Fault{What: what, When: when}, want: expect.Nothing, verdict: judge.Pass}
	}
	tail := expect.Tail(judge.LostTail)
	return []scenario{
		passes("no fault", "", first),
		passes("un-synced data lost, writer killed while it writes", "lose-unsynced", first).having(map[string]string{"FORCE": "true", "WRITE_RATE": "1000"}),
		fails("synced data lost, 10 000 bytes", "lose-synced:last-bytes=10000", first, tail),
		fails("synced data lost, 7 records", fmt.Sprintf("lose-synced:records=7,record-size=%d", recordSize), first, tail),
		fails("synced data lost, one record at the very end", fmt.Sprintf("lose-synced:records=1,record-size=%d", recordSize), first, tail).having(once),
		fails("synced data lost, all of the last second", "lose-synced:age=1s", first, tail),
		fails("synced data lost, and only the reader comes after it", "lose-synced:last-bytes=10000", first, tail).having(once),
		fails("last write torn, in the middle", "torn-write:keep=100", first, tail),
		fails("last write torn, but for its last byte", "torn-write:keep=-1", first, tail),
		fails("last write torn, one byte is left", "torn-write:keep=1", first, tail).having(once),
		fails("one bit flipped", "bit-flip:offset=5000,bit=3", first, expect.Bytes(judge.Corrupt)),
		fails("one bit flipped in the last record", "bit-flip:offset=-200,bit=0", first, expect.Bytes(judge.Corrupt)).having(once),
		fails("a page zeroed", "zero-page:page=3", first, expect.Page(3, judge.Corrupt)),
		fails("a page written to a wrong place", "misdirected-page:page=2,to=5", first, expect.Each(expect.Page(2, judge.Reordered), expect.Page(5, judge.Corrupt))),
		fails("two pages swapped", "swap-pages:page=2,to=6", first, expect.Each(expect.Page(2, judge.Reordered), expect.Page(6, judge.Reordered))),
		fails("a page duplicated over another", "duplicate-page:page=4,to=1", first, expect.Each(expect.Page(4, judge.Duplicated), expect.Page(1, judge.Corrupt))),
		fails("an old snapshot comes back", "roll-back:snapshot=bytes:30000", first, tail),
		fails("an old snapshot comes back, after a pod had read more", "roll-back:snapshot=bytes:30000", second, expect.Each(expect.Tail(judge.RolledBack), expect.All(2, judge.RolledBack))).having(nil),
		fails("truncated", "truncate:size=50000", first, tail),
		fails("truncated to nothing", "truncate:size=0", first, expect.All(1, judge.Missing)).having(once),
		fails("the file gone", "lose-file", first, expect.All(1, judge.Missing)),
		fails("the whole directory empty", "empty-directory", first, expect.All(1, judge.Missing)).having(once),
		fails("another run's journal in its place", "foreign-file:with="+strangers, first, expect.All(1, judge.Foreign)),
		fails("read-only from the restart on", "read-only", first, expect.Without(judge.ReadOnly)),
		passes("a sync fails once, later ones succeed", "sync-error", "sync=100"),
		{name: "the volume full", fault: faultvolume.Fault{What: "no-space", When: "bytes=40000"}, want: expect.Nothing, verdict: judge.Error},
		fails("a page that cannot be read", "read-error:page=3", first, expect.Page(3, judge.Unavailable)),
		fails("the mount missing after the restart", "unmount", first, expect.All(1, judge.Missing)),
		fails("reads hang, from the restart on", "hang-read", first, expect.Without(judge.Unavailable)).having(impatient),
		fails("reads hang, for the reader", "hang-read", first, expect.Without(judge.Unavailable)).having(with(impatient, "TOTAL_CHAOS_DURATION", "3")),
		fails("syncs hang, while the first writer writes", "hang-sync", "bytes=40000", expect.Without(judge.Unavailable)).having(with(impatient, "CHAOS_INTERVAL", "6")),
		fails("syncs hang, and the writer is deleted by force", "hang-sync", "bytes=40000", expect.Without(judge.Unavailable)).having(map[string]string{"FORCE": "true", "CHAOS_INTERVAL": "8"}),
		fails("syncs hang, from the restart on", "hang-sync", first, expect.Without(judge.Unavailable)).having(impatient),
		passes("every sync takes half a second", "slow-sync:delay=500ms", "mount"),
	}
}

// impatient has a run give up early on a reader that does not come back.
var impatient = map[string]string{"VERIFY_TIMEOUT": "15"}

func (s scenario) having(inputs map[string]string) scenario {
	s.inputs = inputs
	return s
}
