package verdict

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// statement is what a sentence of a result may say, and when it is true.
type statement struct {
	says   *regexp.Regexp
	isTrue func(c result.Cell) bool
}

func isBelow(l provenance.Level) func(result.Cell) bool {
	return func(c result.Cell) bool { return c.Provenance.Level < l }
}

func isReadOnTheWritersNode(c result.Cell) bool {
	return c.Reader != nil && c.Reader.Node == c.Epochs[len(c.Epochs)-1].Node
}

// statements are all statements about the provenance that results make, with the condition of each.
var statements = []statement{
	{regexp.MustCompile(`never have been unmounted|(?:was|were) not unmounted|unknown whether the \w+ was unmounted`),
		func(c result.Cell) bool {
			return !c.Provenance.Unmounted.IsYes() && !c.Provenance.OtherKernel.IsYes()
		}},
	{regexp.MustCompile(`was not unmounted`),
		func(c result.Cell) bool { return c.Provenance.Unmounted.Answer == provenance.No }},
	{regexp.MustCompile(`may have read the page cache|came from the page cache|was read through the page cache of the writer`),
		isBelow(provenance.Uncached)},
	{regexp.MustCompile(`journal was read through the page cache of the writer's own kernel`),
		func(c result.Cell) bool { return c.Provenance.OtherKernel.Answer == provenance.No }},
	{regexp.MustCompile(`bypassing the page cache`),
		func(c result.Cell) bool { return c.Reader.ScanResult.ReadMode == protocol.ReadDirect }},
	{regexp.MustCompile(`not read back|nothing was read back`), func(c result.Cell) bool { return c.Reader == nil }},
	{regexp.MustCompile(`; read (on|by)|when they were read`), func(c result.Cell) bool { return c.Reader != nil }},
	{regexp.MustCompile(`: the kernel that took the writes was still running`),
		func(c result.Cell) bool { return c.Provenance.OtherKernel.Answer == provenance.No }},
	{regexp.MustCompile(`ran on the writer's node|last writer's own node|on the same machine`), isReadOnTheWritersNode},
	{regexp.MustCompile(`detached and attached again`), isBelow(provenance.Reattached)},
	{regexp.MustCompile(`not test whether another node`), isBelow(provenance.OtherMachine)},
	{regexp.MustCompile(`power failure`), func(c result.Cell) bool {
		return !c.IsLocal() || !c.Provenance.OtherKernel.IsYes()
	}},
}

// counts are the numbers that several sentences of a result may have.
var counts = []struct {
	says *regexp.Regexp
	is   func(c result.Cell) string
}{
	{regexp.MustCompile(`All ([\d ]+) acknowledged records`), acknowledged},
	{regexp.MustCompile(`In total, ([\d ]+) records? (?:was|were) acknowledged`), acknowledged},
	{regexp.MustCompile(`after ([\d ]+) (?:deletion|kill)s?`), deletions},
	{regexp.MustCompile(`and ([\d ]+) writers? (?:was|were) (?:deleted|killed)`), deletions},
}

func deletions(c result.Cell) string { return judge.FormatCount(uint64(c.Deletions())) }

func acknowledged(c result.Cell) string { return judge.FormatCount(ledger.CountRecords(c.Acks)) }

// Whatever was observed, no sentence of a result says what another sentence or field denies.
func TestSentences_DoNotContradictEachOther(t *testing.T) {
	said := map[string]bool{}
	first := uint64(time.Now().UnixNano())
	for seed := first; seed < first+2_000; seed++ {
		c, required := randomCell(rand.New(rand.NewPCG(seed, 1)))
		shortfall := Decide(&c, required)
		AddNotShown(&c)
		sentences := append([]string{c.Reason, c.Provenance.NotReachedReason}, append(c.NotShown, c.Notes...)...)
		holds := func(is bool, what any) {
			if !is {
				t.Helper()
				require.Fail(t, "contradiction", "%s\nseed %d\n%+v\n%s", what, seed, c.Provenance, strings.Join(sentences, "\n"))
			}
		}
		for _, sentence := range sentences {
			for _, s := range statements {
				if s.says.MatchString(sentence) {
					said[s.says.String()] = true
					holds(s.isTrue(c), s.says)
				}
			}
			for _, n := range counts {
				if match := n.says.FindStringSubmatch(sentence); match != nil {
					said[n.says.String()] = true
					holds(n.is(c) == match[1], n.says)
				}
			}
		}
		isHighest := c.Provenance.Level == provenance.OtherMachine
		holds(isHighest == (c.Provenance.NotReachedReason == ""), "a reason why the next level was not reached")
		holds((c.Verdict == judge.Fail) == (len(c.Findings) > 0), "findings")
		holds(c.Verdict != judge.Pass || c.Provenance.Level >= required.RequiredEvidence && c.Reader != nil, "the evidence")
		holds((c.Verdict == judge.Error) == (shortfall != None), "the shortfall")
		for i, limit := range c.NotShown {
			holds(!slices.Contains(c.NotShown[:i], limit), "a limit that is there twice")
		}
	}
	for _, s := range statements {
		assert.True(t, said[s.says.String()], "no result says %q: the pattern does not match the text", s.says)
	}
	for _, n := range counts {
		assert.True(t, said[n.says.String()], "no result says %q: the pattern does not match the text", n.says)
	}
}

// randomCell returns a cell that went through all phases, with any observations.
func randomCell(random *rand.Rand) (result.Cell, Conditions) {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	observation := func() provenance.Observation {
		answer := provenance.Answer(one("yes", "no", "unknown", ""))
		return provenance.Observed(answer, "observation %d", random.IntN(1000))
	}
	location := func() provenance.Location {
		return provenance.Location{Node: one("a", "b"), BootID: one("", "1", "2")}
	}
	c := result.Cell{Spec: options.CellSpec{VolumeSource: options.Claim}}
	if random.IntN(2) == 0 {
		c.Spec.VolumeSource = options.Local
	}
	for epoch := range 1 + random.IntN(3) {
		at := location()
		e := result.Epoch{Number: epoch + 1, Pod: result.Pod{Node: at.Node}, BootID: at.BootID}
		if random.IntN(4) > 0 {
			e.DeletionRequestedAt = time.Unix(1, 0)
		}
		c.Epochs = append(c.Epochs, e)
		c.Acks = append(c.Acks, ledger.Ack{Point: journal.Point{Epoch: epoch + 1, Seq: uint64(1 + random.IntN(5000))}})
	}
	if random.IntN(8) > 0 {
		at := location()
		mode := one(string(protocol.ReadDirect), string(protocol.ReadDropped), string(protocol.ReadCached),
			string(protocol.ReadNoCache))
		c.Reader = &result.JournalRead{
			Pod:        result.Pod{Node: at.Node},
			ScanResult: protocol.ScanResult{BootID: at.BootID, ReadMode: protocol.ReadMode(mode)},
		}
	}
	if random.IntN(4) == 0 {
		c.Findings = []judge.Finding{{Class: judge.LostTail, Epoch: 1, First: 1, Last: 1, Records: 1}}
	}
	c.Provenance = NewProvenance(&c)
	c.Provenance.SameVolume, c.Provenance.Reattached = observation(), observation()
	if c.Reader != nil {
		c.Provenance.Unmounted = observation()
	}
	c.Provenance.Evaluate()
	levels := provenance.Levels()
	return c, Conditions{RequiredEvidence: levels[random.IntN(len(levels))], ActiveDeletions: random.IntN(3)}
}
